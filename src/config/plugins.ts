import { basename, extname } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Explainer, Metric } from '../core/contracts/index.ts';
import { definePlugin, type Plugin } from '../core/define.ts';
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

const EXPECTED = 'Expected a default export made by definePlugin, or exports made by defineExplainer or defineMetric.';

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
    throw new CtXaiError('PLUGIN', `the plugin ${file} fails while it is loaded: ${messageOf(cause)}`, { cause });
  }
}

/** A module's plugin, whichever of the three forms it is exported in. */
function pluginOf(module: Record<string, unknown>, file: string): Plugin {
  const main = module.default;
  if (isRecord(main) && Array.isArray(main.explainers) && Array.isArray(main.metrics)) {
    if (typeof main.name !== 'string' || typeof main.apiVersion !== 'number') throw wrong(file, 'default', main);
    for (const [i, e] of main.explainers.entries()) requirePart(isExplainer(e), file, `explainers[${i}]`, e);
    for (const [i, m] of main.metrics.entries()) requirePart(isMetric(m), file, `metrics[${i}]`, m);
    return main as unknown as Plugin;
  }
  const found = Object.entries(module).flatMap(([key, value]) =>
    (Array.isArray(value) ? value : [value]).map(part => ({ key, part: part as unknown })),
  );
  // A named export may be a helper; the default export may not.
  const parts = [...new Set(found.filter(f => f.key === 'default' || isPart(f.part)).map(f => f.part))];
  for (const part of parts) requirePart(isPart(part), file, 'default', part);
  if (parts.length === 0) throw new CtXaiError('PLUGIN', `${file} exports no plugin.`, { hint: EXPECTED });
  return definePlugin({
    name: basename(file, extname(file)),
    explainers: parts.filter(isExplainer),
    metrics: parts.filter(isMetric),
  });
}

function requirePart(ok: boolean, file: string, key: string, value: unknown): void {
  if (!ok) throw wrong(file, key, value);
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

function isPart(value: unknown): value is Explainer | Metric {
  return isExplainer(value) || isMetric(value);
}

function isExplainer(value: unknown): value is Explainer {
  return hasBase(value) && typeof value.explain === 'function' && Array.isArray(value.requires);
}

function isMetric(value: unknown): value is Metric {
  return hasBase(value) && typeof value.evaluate === 'function' && Array.isArray(value.needs);
}

/** What `defineExplainer` and `defineMetric` both make. */
function hasBase(value: unknown): value is Record<string, unknown> {
  if (!isRecord(value) || typeof value.name !== 'string' || typeof value.cost !== 'function') return false;
  return isRecord(value.options) && typeof value.options.safeParse === 'function';
}
