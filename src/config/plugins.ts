import { basename, extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { z } from 'zod';
import type { Baseline, Capability, DataReader, Explainer, Metric } from '../core/contracts/index.ts';
import {
  defineExplainer,
  defineMetric,
  definePlugin,
  type ExplainerSpec,
  type MetricSpec,
  type Plugin,
} from '../core/define.ts';
import { CtXaiError, messageOf } from '../core/errors.ts';
import type { Registry } from '../core/registry.ts';
import { fileDigest } from './model-digest.ts';
import { findPluginModule } from './plugin-module.ts';

/** A plugin as it was loaded. */
export interface LoadedPlugin {
  /** As the suite names it. */
  readonly source: string;
  readonly file: string;
  readonly plugin: Plugin;
  /** SHA-256 (hex) of its module; of what that imports nothing is known. */
  readonly digest: string;
}

const EXPECTED =
  'Expected a default export made by definePlugin, or exports made by defineExplainer, ' +
  'defineMetric, defineReader or defineBaseline.';

/**
 * Imports the plugins of a suite and adds them to the registry.
 * @param folder Where relative paths and packages are looked for: the suite's folder.
 * @throws CtXaiError PLUGIN naming the module: missing, throwing, exporting something else, written for another plugin
 *   API, or with a name that is taken.
 */
export async function loadPlugins(
  sources: readonly string[],
  folder: string,
  registry: Registry,
): Promise<{ readonly registry: Registry; readonly plugins: readonly LoadedPlugin[] }> {
  const plugins: LoadedPlugin[] = [];
  let extended = registry;
  for (const source of sources) {
    const file = findPluginModule(source, folder);
    const plugin = pluginOf(await importModule(file), file);
    try {
      extended = extended.with(plugin);
    } catch (cause) {
      throw new CtXaiError('PLUGIN', `${file}: ${messageOf(cause)}`, { cause });
    }
    plugins.push({ source, file, plugin, digest: await fileDigest(file) });
  }
  return { registry: extended, plugins };
}

async function importModule(file: string): Promise<Record<string, unknown>> {
  if (/\.[cm]?tsx?$/.test(file)) {
    throw new CtXaiError('PLUGIN', `${file}: plugins are JavaScript modules; compile this one first.`);
  }
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (cause) {
    // Node reads a .js file as CommonJS unless the nearest package.json says otherwise.
    const commonJs =
      cause instanceof Error && cause.name === 'SyntaxError' && /outside a module|token 'export'/.test(cause.message);
    throw new CtXaiError('PLUGIN', `the plugin ${file} fails while it is loaded: ${messageOf(cause)}`, {
      cause,
      ...(commonJs ? { hint: `Call it .mjs, or write "type": "module" in the package.json beside it.` } : {}),
    });
  }
}

/** A module's plug-in, whichever of the three forms it is exported in. */
function pluginOf(module: Record<string, unknown>, file: string): Plugin {
  const main = module.default;
  if (isRecord(main) && Array.isArray(main.explainers) && Array.isArray(main.metrics)) {
    if (typeof main.name !== 'string' || typeof main.apiVersion !== 'number') throw wrong(file, 'default', main);
    const read = <K extends keyof PartsOf>(list: K): PartsOf[K][] =>
      ((main[list] as unknown[] | undefined) ?? []).map((part, i) => {
        if (!KINDS[list].is(part)) throw wrong(file, `${list}[${i}]`, part);
        return KINDS[list].read(part);
      });
    return {
      name: main.name,
      apiVersion: main.apiVersion,
      explainers: read('explainers'),
      metrics: read('metrics'),
      readers: read('readers'),
      baselines: read('baselines'),
    };
  }
  const found = Object.entries(module).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).map(part => ({ key, part: part as unknown })),
  );
  // A named export may be a helper; the default export may not.
  const parts = [...new Set(found.filter(f => f.key === 'default' || isPart(f.part)).map(f => f.part))];
  for (const part of parts) if (!isPart(part)) throw wrong(file, 'default', part);
  if (parts.length === 0) throw new CtXaiError('PLUGIN', `${file} exports no plug-in.`, { hint: EXPECTED });
  const all = <K extends keyof PartsOf>(list: K): PartsOf[K][] =>
    parts.filter(part => KINDS[list].is(part)).map(part => KINDS[list].read(part));
  return definePlugin({
    name: basename(file, extname(file)),
    explainers: all('explainers'),
    metrics: all('metrics'),
    readers: all('readers'),
    baselines: all('baselines'),
  });
}

interface PartsOf {
  explainers: Explainer;
  metrics: Metric;
  readers: DataReader;
  baselines: Baseline;
}

type Kind<T> = { readonly is: (value: unknown) => boolean; readonly read: (value: unknown) => T };

/** How each kind of part is known, and read. An explainer or metric of plug-in API 1 has the form of a specification. */
const KINDS: { readonly [K in keyof PartsOf]: Kind<PartsOf[K]> } = {
  explainers: {
    is: value => isCosted(value) && typeof value.explain === 'function' && isOneOf(value, 'requiresOf', 'requires'),
    read: value => (has(value, 'requiresOf') ? (value as Explainer) : defineExplainer(value as AnyExplainerSpec)),
  },
  metrics: {
    is: value => isCosted(value) && typeof value.evaluate === 'function' && Array.isArray(value.needs),
    read: value => (has(value, 'variantsOf') ? (value as Metric) : defineMetric(value as AnyMetricSpec)),
  },
  readers: {
    is: value => isNamed(value) && hasSchema(value) && typeof value.open === 'function',
    read: value => value as DataReader,
  },
  baselines: {
    is: value =>
      isNamed(value) && typeof value.make === 'function' && (value.space === 'raw' || value.space === 'input'),
    read: value => value as Baseline,
  },
};

type AnyExplainerSpec = ExplainerSpec<readonly Capability[], z.ZodType>;
type AnyMetricSpec = MetricSpec<z.ZodType>;

function isPart(value: unknown): boolean {
  return Object.values(KINDS).some(kind => kind.is(value));
}

function wrong(file: string, key: string, value: unknown): CtXaiError {
  const isA = isRecord(value)
    ? `an object with ${Object.keys(value).slice(0, 8).join(', ') || 'no keys'}`
    : typeof value;
  return new CtXaiError('PLUGIN', `${file}: its export '${key}' is ${isA}.`, { hint: EXPECTED });
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === 'object';
}

function isNamed(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && typeof value.name === 'string';
}

function hasSchema(value: Record<string, unknown>): boolean {
  return isRecord(value.options) && typeof value.options.safeParse === 'function';
}

function has(value: unknown, key: string): boolean {
  return isRecord(value) && typeof value[key] === 'function';
}

function isOneOf(value: Record<string, unknown>, method: string, list: string): boolean {
  return typeof value[method] === 'function' || Array.isArray(value[list]);
}

/** What `defineExplainer` and `defineMetric` both make. */
function isCosted(value: unknown): value is Record<string, unknown> {
  return isNamed(value) && typeof value.cost === 'function' && hasSchema(value);
}
