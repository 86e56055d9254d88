import type { Explainer, Metric } from '../core/contracts/index.ts';
import { CtXaiError, nearest } from '../core/errors.ts';
import { lookUp, type Registry } from '../core/registry.ts';
import type { PlannedExplainer, PlannedMetric } from './plan.ts';
import type { Suite, SuitePart } from './schema.ts';
import { type CheckContext, check } from './validate.ts';

type Place = CheckContext['place'];
type List = 'explainers' | 'controls' | 'metrics';

/** What explainers and metrics have in common for a suite. */
type Part = Pick<Explainer | Metric, 'name' | 'baseline' | 'options' | 'presets'>;

interface Resolved {
  readonly id: string;
  readonly preset?: string;
  readonly options: unknown;
  readonly baseline?: string;
}

/**
 * The suite's methods, then its controls; a control that needs a donor becomes one explainer per method,
 * `shuffled(<method>)`.
 */
export function resolveExplainers(suite: Suite, registry: Registry, place: Place): PlannedExplainer[] {
  const resolve = (list: 'explainers' | 'controls', role: Explainer['role']): PlannedExplainer[] =>
    suite[list].map((entry, i) => {
      const where = place([list, i]);
      const explainer = lookUp(registry.explainers, 'explainer', nameOf(entry), `${where}: ${list}[${i}]`);
      if (explainer.role !== role) {
        const [is, other] = role === 'control' ? ['a method', 'explainers'] : ['a control', 'controls'];
        throw new CtXaiError('SUITE', `${where}: ${list}[${i}]: '${explainer.name}' is ${is}.`, {
          hint: `Put it under '${other}'.`,
        });
      }
      const context = { suite, registry, place, list, index: i };
      const resolved = { ...resolvePart(entry, explainer, context), explainer };
      const inner = resolveInner(entry, resolved, context);
      return inner ? { ...resolved, inner } : resolved;
    });
  const methods = resolve('explainers', 'method');
  const controls = resolve('controls', 'control').flatMap(control =>
    control.explainer.needsOf(control.options).includes('donor')
      ? methods.map(method => ({ ...control, id: `${control.id}(${method.id})`, of: method.id }))
      : [control],
  );
  return unique([...methods, ...controls], 'explainers and controls', place(['explainers']));
}

/**
 * The explainer that another wraps: the suite's `of`, or its own default with the options that it wants.
 * @throws CtXaiError SUITE for `of` at an explainer that wraps none, and for one that would wrap itself or a control.
 */
function resolveInner(given: SuitePart, outer: PlannedExplainer, context: Context): PlannedExplainer | undefined {
  const { wraps, name } = outer.explainer;
  const of = typeof given === 'string' ? undefined : given.of;
  const { registry, place, list, index } = context;
  const where = place([list, index, 'of']);
  if (wraps === undefined) {
    if (of === undefined) return undefined;
    throw new CtXaiError('SUITE', `${where}: ${list}[${index}].of: '${name}' wraps no other explainer.`);
  }
  const entry = of ?? { use: wraps, options: { ...outer.explainer.innerOptionsOf(outer.options) } };
  const explainer = lookUp(registry.explainers, 'explainer', nameOf(entry), `${where}: ${list}[${index}].of`);
  if (explainer.wraps !== undefined || explainer.role === 'control') {
    const is = explainer.role === 'control' ? 'is a control' : 'wraps another explainer itself';
    throw new CtXaiError('SUITE', `${where}: ${list}[${index}].of: '${explainer.name}' ${is}.`, {
      hint: "Name an explainer that makes maps by itself, such as 'saliency'.",
    });
  }
  return { ...resolvePart(entry, explainer, context), explainer };
}

export function resolveMetrics(suite: Suite, registry: Registry, place: Place): PlannedMetric[] {
  const one = typeof suite.metrics === 'string';
  const entries = typeof suite.metrics === 'string' ? [suite.metrics] : suite.metrics;
  const resolve = (entry: SuitePart, index: number): PlannedMetric => {
    const where = place(one ? ['metrics'] : ['metrics', index]);
    const at = `${where}: ${one ? 'metrics' : `metrics[${index}]`}`;
    const metric = lookUp(registry.metrics, 'metric', nameOf(entry), at, [...registry.metricSets.keys()]);
    return { ...resolvePart(entry, metric, { suite, registry, place, list: 'metrics', index }), metric };
  };
  const listed = entries.flatMap((entry, i) =>
    registry.metricSets.has(nameOf(entry)) ? [] : [{ i, metrics: [resolve(entry, i)] }],
  );
  // What the suite lists itself takes the place of the same metric of a set.
  const own = new Set(listed.flatMap(l => l.metrics.map(m => m.id)));
  const ofSets = entries.flatMap((entry, i) => {
    const set = registry.metricSets.get(nameOf(entry));
    if (!set) return [];
    if (typeof entry !== 'string' && Object.keys(entry).length > 1) {
      throw new CtXaiError('SUITE', `${place(['metrics', i])}: metrics[${i}]: '${set.name}' is a set of metrics.`, {
        hint: `It takes no options. List the metric itself beside it: [${set.name}, { use: ${set.metrics[0]!.use}, options: … }].`,
      });
    }
    const metrics = set.metrics.map(({ reason: _, ...part }) => resolve(part, i)).filter(m => !own.has(m.id));
    return [{ i, metrics }];
  });
  const metrics = [...listed, ...ofSets].sort((a, b) => a.i - b.i).flatMap(l => l.metrics);
  return unique(metrics, 'metrics', place(['metrics']));
}

/** @throws CtXaiError SUITE if the suite's own preset is one that nothing in it has. */
export function checkSuitePreset(suite: Suite, parts: readonly Part[], place: Place): void {
  if (suite.preset === undefined || parts.some(part => Object.hasOwn(part.presets, suite.preset!))) return;
  const names = [...new Set(parts.flatMap(part => Object.keys(part.presets)))];
  throw new CtXaiError('SUITE', `${place(['preset'])}: nothing in this suite has the preset '${suite.preset}'.`, {
    hint: suggestion(suite.preset, names, 'There are no presets.'),
  });
}

function nameOf(entry: SuitePart): string {
  return typeof entry === 'string' ? entry : entry.use;
}

interface Context {
  readonly suite: Suite;
  readonly registry: Registry;
  readonly place: Place;
  readonly list: List;
  readonly index: number;
}

/** Whether a metric has an option `precision` that is exact unless it is given: the suite's takes its place. */
function takesPrecision({ options }: Part, given: object): boolean {
  if (Object.hasOwn(given, 'precision')) return false;
  const parsed = options.safeParse(given);
  return parsed.success && (parsed.data as { readonly precision?: unknown } | null)?.precision === 'exact';
}

function resolvePart(entryOrName: SuitePart, part: Part, { suite, registry, place, list, index }: Context): Resolved {
  const entry = typeof entryOrName === 'string' ? { use: entryOrName } : entryOrName;
  const path = [list, index];
  const at = `${list}[${index}]`;
  const presetName =
    entry.preset ?? (suite.preset && Object.hasOwn(part.presets, suite.preset) ? suite.preset : undefined);
  if (presetName !== undefined && !Object.hasOwn(part.presets, presetName)) {
    throw new CtXaiError(
      'SUITE',
      `${place([...path, 'preset'])}: ${at}: '${part.name}' has no preset '${presetName}'.`,
      {
        hint: suggestion(presetName, Object.keys(part.presets), 'It has none.'),
      },
    );
  }
  const preset = presetName === undefined ? undefined : part.presets[presetName];
  const given = { ...preset?.options, ...entry.options };
  const precision = preset === undefined ? suite.precision : 'exact';
  const options = check(
    part.options,
    list === 'metrics' && takesPrecision(part, given) ? { precision, ...given } : given,
    {
      code: 'SUITE',
      place,
      path: [...path, 'options'],
    },
  );
  if (entry.baseline !== undefined && part.baseline === undefined) {
    throw new CtXaiError('SUITE', `${place([...path, 'baseline'])}: ${at}: '${part.name}' uses no baseline.`);
  }
  const baseline = entry.baseline ?? preset?.baseline ?? part.baseline;
  if (baseline !== undefined) {
    lookUp(registry.baselines, 'baseline', baseline, `${place([...path, 'baseline'])}: ${at}.baseline`);
  }
  return {
    id: entry.id ?? part.name,
    ...(presetName === undefined ? {} : { preset: presetName }),
    options,
    ...(baseline === undefined ? {} : { baseline }),
  };
}

function suggestion(given: string, names: readonly string[], none: string): string {
  if (names.length === 0) return none;
  const near = nearest(given, names);
  return `${near ? `Did you mean '${near}'? ` : ''}There are: ${names.join(', ')}.`;
}

function unique<T extends { readonly id: string }>(parts: T[], what: string, where: string): T[] {
  const double = parts.find((part, i) => parts.findIndex(other => other.id === part.id) !== i);
  if (double) {
    throw new CtXaiError('SUITE', `${where}: two ${what} have the id '${double.id}'.`, {
      hint: `Give one of them another: { use: ${double.id}, id: … }.`,
    });
  }
  return parts;
}
