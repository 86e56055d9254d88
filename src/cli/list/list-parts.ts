import { z } from 'zod';
import { builtinRegistry } from '../../builtin.ts';
import { explainerFacts, needsText } from '../../config/explainer-matrix.ts';
import { costText, metricFacts, rangeText } from '../../config/metric-matrix.ts';
import { loadPlugins } from '../../config/plugins.ts';
import type { Explainer, Metric, MetricSet, OptionsSchema } from '../../core/contracts/index.ts';
import { lookUp, type Registry } from '../../core/registry.ts';
import { ExitCode, print, textTable } from '../shared/output.ts';

type Kind = 'explainers' | 'metrics' | 'baselines' | 'data' | 'engines';

export interface ListArguments {
  readonly kind: Kind;
  readonly name?: string | undefined;
  readonly plugin: readonly string[];
  readonly json: boolean;
}

interface Listed {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  /** Facts in a line each: what it needs, where it comes from. */
  readonly facts: Readonly<Record<string, string>>;
  readonly options: readonly ListedOption[];
  /** What takes the place of the facts in JSON. */
  readonly data?: object;
}

interface ListedOption {
  readonly name: string;
  readonly type: string;
  readonly default: string;
  readonly description: string;
}

/** `ct-xai list`. */
export async function listParts({ kind, name, plugin, json }: ListArguments): Promise<number> {
  const { registry } = await loadPlugins(plugin, process.cwd(), builtinRegistry());
  const all = new Map(partsOf(registry, kind).map(part => [part.name, part]));
  // As JSON the metrics are one table; each says which sets it is in.
  const whole = [...all.values()].filter(part => !json || kind !== 'metrics' || !registry.metricSets.has(part.name));
  const parts = name === undefined ? whole : [lookUp(all, kind.replace(/s$/, ''), name, '--name')];
  print(json ? JSON.stringify(parts.map(jsonOf), null, 2) : parts.map(describe).join('\n\n'));
  return ExitCode.ok;
}

function partsOf(registry: Registry, kind: Kind): Listed[] {
  switch (kind) {
    case 'explainers':
      return [...registry.explainers.values()].map(e => explainerPart(e, registry));
    case 'metrics':
      return [...registry.metricSets.values(), ...registry.metrics.values()].map(m =>
        'metrics' in m ? setPart(m) : metricPart(m, registry),
      );
    case 'baselines':
      return [...registry.baselines.values()].map(b => ({
        ...{ name: b.name, title: b.title, summary: b.summary, options: [] },
        facts: facts({
          kind: b.fill ? 'filler: depends on what is removed' : 'image',
          family: b.family,
          defined: b.space === 'raw' ? 'in HU or grey levels' : 'in what the network eats',
          source: b.cite,
        }),
      }));
    case 'data':
      return [...registry.readers.values()].map(r => ({ ...r, facts: {}, options: optionsOf(r.options) }));
    case 'engines':
      return [...registry.engines.values()].map(e => ({
        name: e.name,
        title: `formats ${e.formats.join(', ')}`,
        summary: "what works here: 'ct-xai doctor'",
        facts: facts({ devices: ['auto', ...e.devices].join(', ') }),
        options: [],
      }));
  }
}

function jsonOf({ data, ...part }: Listed): object {
  if (!data) return part;
  const { facts: _, ...rest } = part;
  return { ...rest, ...data };
}

function explainerPart(explainer: Explainer, registry: Registry): Listed {
  const e = explainerFacts(explainer, registry);
  return {
    name: e.name,
    title: e.title,
    summary: e.summary,
    facts: facts({
      for: e.advice,
      kind: [
        e.kind,
        ...(e.role === 'control' ? ['control'] : []),
        ...(e.classBlind ? ['same for every class'] : []),
      ].join(', '),
      needs: needsText(e),
      cost: `${e.costClass}: ${costText({ ...e.cost, explanations: 0 })}`,
      baseline: e.baseline ?? '',
      presets: Object.keys(e.presets).join(', '),
      source: e.source,
    }),
    options: optionsOf(explainer.options),
    data: e,
  };
}

function setPart(set: MetricSet): Listed {
  const lines = set.metrics.map(m => {
    const options = m.options ? `${JSON.stringify(m.options).replaceAll('"', '')}: ` : '';
    return [m.use, `${options}${m.reason}`] as const;
  });
  return { ...set, facts: Object.fromEntries(lines), options: [], data: { metrics: set.metrics } };
}

function metricPart(metric: Metric, registry: Registry): Listed {
  const m = metricFacts(metric, registry);
  const chance = m.chance === null ? [] : [`chance ${m.chance === 'image' ? 'depends on the image' : m.chance}`];
  return {
    name: m.name,
    title: m.title,
    summary: m.summary,
    facts: facts({
      category: `${m.category}${m.ranked ? '' : ', never ranked'}`,
      better: [m.better, `range ${rangeText(m.range)}`, ...chance].join(', '),
      needs: [...m.needs, ...(m.scope === 'group' ? ['a group of maps'] : [])].join(', ') || 'the map only',
      maps: m.kinds.length === 3 ? '' : m.kinds.join(', '),
      cost: costText(m.cost),
      undefined: `when ${m.undefinedWhen}`,
      criticism: `${m.criticism}${m.criticismSource && ` (${m.criticismSource})`}`,
      baseline: metric.baseline,
      presets: Object.keys(metric.presets).join(', '),
      source: m.source,
    }),
    options: optionsOf(metric.options),
    data: { ...m, presets: metric.presets },
  };
}

function facts(all: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(all).filter((e): e is [string, string] => e[1] !== undefined && e[1] !== ''),
  );
}

interface JsonProperty {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly JsonProperty[];
  readonly items?: JsonProperty;
  readonly properties?: Readonly<Record<string, JsonProperty>>;
  readonly default?: unknown;
  readonly description?: string;
}

function optionsOf(schema: OptionsSchema): ListedOption[] {
  // A schema of a plugin may not be zod's, or not be expressible.
  let properties: Readonly<Record<string, JsonProperty>>;
  try {
    const found = z.toJSONSchema(schema as unknown as z.ZodType, { io: 'input', unrepresentable: 'any' });
    properties = (found.properties ?? {}) as Readonly<Record<string, JsonProperty>>;
  } catch {
    return [];
  }
  return Object.entries(properties).map(([name, p]) => ({
    name,
    type: typeOf(p),
    default: p.default === undefined ? '' : JSON.stringify(p.default),
    description: p.description ?? '',
  }));
}

function typeOf(p: JsonProperty): string {
  if (p.enum) return p.enum.join(' | ');
  if (p.const !== undefined) return String(p.const);
  if (p.anyOf) return p.anyOf.map(typeOf).join(' | ');
  if (p.type === 'array') return `${p.items ? typeOf(p.items) : 'any'}[]`;
  if (p.properties)
    return `{${Object.entries(p.properties)
      .map(([key, own]) => `${key}: ${typeOf(own)}`)
      .join(', ')}}`;
  return p.type === undefined ? 'any' : String(p.type);
}

function describe({ name, title, summary, facts, options }: Listed): string {
  const lines = [`${name}: ${title}`, ...(summary ? [`  ${summary}`] : [])];
  const width = Math.max(9, ...Object.keys(facts).map(key => key.length));
  for (const [key, value] of Object.entries(facts)) lines.push(`  ${key.padEnd(width)} ${value}`);
  if (options.length > 0) {
    const table = textTable(options.map(o => [`    ${o.name}`, o.type, o.default && `= ${o.default}`, o.description]));
    lines.push('  options', table);
  }
  return lines.join('\n');
}
