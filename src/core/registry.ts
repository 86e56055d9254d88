import type { Baseline, DataReader, Engine, Explainer, Metric, MetricSet } from './contracts/index.ts';
import { PLUGIN_API_VERSIONS, type Plugin } from './define.ts';
import { CtXaiError, nearest } from './errors.ts';

/** All that a suite can name. */
export interface Registry {
  readonly explainers: ReadonlyMap<string, Explainer>;
  readonly metrics: ReadonlyMap<string, Metric>;
  /** Metrics that a suite names by one word; no metric has the name of a set. */
  readonly metricSets: ReadonlyMap<string, MetricSet>;
  readonly baselines: ReadonlyMap<string, Baseline>;
  readonly readers: ReadonlyMap<string, DataReader>;
  readonly engines: ReadonlyMap<string, Engine>;
  readonly plugins: readonly string[];
  /** The plug-in that an explainer, metric, reader or baseline comes from; undefined for what is built in. */
  pluginOf(part: object): string | undefined;
  /** A new registry with a plugin's parts added. @throws CtXaiError PLUGIN on a name that is taken. */
  with(plugin: Plugin): Registry;
}

export interface RegistryParts {
  readonly explainers?: readonly Explainer[];
  readonly metrics?: readonly Metric[];
  readonly metricSets?: readonly MetricSet[];
  readonly baselines?: readonly Baseline[];
  readonly readers?: readonly DataReader[];
  readonly engines?: readonly Engine[];
}

/** @throws CtXaiError PLUGIN if two parts of a kind have one name. */
export function createRegistry(parts: RegistryParts, plugins: readonly Plugin[] = []): Registry {
  const builtIn = <T extends { name: string }>(list: readonly T[] = []) =>
    list.map(part => ({ part, owner: 'built in' }));
  const fromPlugins = <T extends { name: string }>(pick: (p: Plugin) => readonly T[]) =>
    plugins.flatMap(p => pick(p).map(part => ({ part, owner: `plug-in '${p.name}'` })));
  const owners = new Map<object, string>(
    plugins.flatMap(p =>
      [p.explainers, p.metrics, p.readers, p.baselines].flatMap(list => list.map(part => [part, p.name] as const)),
    ),
  );
  const metrics = byName('metric', [...builtIn(parts.metrics), ...fromPlugins(p => p.metrics)]);
  const taken = parts.metricSets?.find(set => metrics.has(set.name));
  if (taken) {
    throw new CtXaiError('PLUGIN', `a metric is called '${taken.name}', as a set of metrics is.`, {
      hint: 'Give it another name.',
    });
  }
  return {
    explainers: byName('explainer', [...builtIn(parts.explainers), ...fromPlugins(p => p.explainers)]),
    metrics,
    metricSets: byName('set of metrics', builtIn(parts.metricSets)),
    baselines: byName('baseline', [...builtIn(parts.baselines), ...fromPlugins(p => p.baselines)]),
    readers: byName('data reader', [...builtIn(parts.readers), ...fromPlugins(p => p.readers)]),
    engines: byName('engine', builtIn(parts.engines)),
    plugins: plugins.map(p => p.name),
    pluginOf: part => owners.get(part),
    with(plugin) {
      if (!PLUGIN_API_VERSIONS.includes(plugin.apiVersion)) {
        throw new CtXaiError(
          'PLUGIN',
          `plug-in '${plugin.name}' is written for plug-in API ${plugin.apiVersion}; ` +
            `this version takes ${PLUGIN_API_VERSIONS.join(' and ')}.`,
        );
      }
      return createRegistry(parts, [...plugins, plugin]);
    },
  };
}

function byName<T extends { name: string }>(
  kind: string,
  entries: readonly { part: T; owner: string }[],
): Map<string, T> {
  const owners = new Map<string, string>();
  const map = new Map<string, T>();
  for (const { part, owner } of entries) {
    const other = owners.get(part.name);
    if (other !== undefined) {
      throw new CtXaiError('PLUGIN', `${kind} '${part.name}' of ${owner} clashes with the one of ${other}.`, {
        hint: 'Give it another name.',
      });
    }
    owners.set(part.name, owner);
    map.set(part.name, part);
  }
  return map;
}

/**
 * Looks a name up.
 * @param also other names that are allowed there, for the message
 * @throws CtXaiError with the nearest name and all that are allowed
 */
export function lookUp<T>(
  map: ReadonlyMap<string, T>,
  kind: string,
  name: string,
  where: string,
  also: readonly string[] = [],
): T {
  const found = map.get(name);
  if (found !== undefined) return found;
  const names = [...also, ...map.keys()];
  const near = nearest(name, names);
  throw new CtXaiError('SUITE', `${where}: no ${kind} is called '${name}'.`, {
    hint: `${near ? `Did you mean '${near}'? ` : ''}There are: ${names.join(', ')}.`,
  });
}
