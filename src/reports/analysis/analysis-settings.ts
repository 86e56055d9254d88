import type { Manifest } from '../../results/rows.ts';
import type { MetricEntry } from './analysis.ts';

/** What the suite declared of its analysis, with what it left out filled in. */
export interface AnalysisSettings {
  /** Ids of the metrics whose mean is the primary one; empty: the run has no metric that explainers can be ranked by. */
  readonly primary: readonly string[];
  /** Whether the suite named the primary metric before the run. */
  readonly declared: boolean;
  /** What all explainers are tested against where they are too many for all pairs. */
  readonly reference?: string;
  /** 'outcome', and columns of the data. */
  readonly strata: readonly string[];
  /** Share of the images that a method must have values for, to be ranked. */
  readonly least: number;
  /** The smallest effect of interest, in the metric's units. */
  smallest(metric: string): number;
}

/** Explainers beyond which each is tested against one reference instead of against every other: our choice. */
export const MOST_FOR_ALL_PAIRS = 10;
/** Default of `least`. */
export const LEAST_SHARE = 0.8;
/** Baselines that no explainer uses, over which `srg` is averaged by default. */
const LEAST_BASELINES = 3;

export function settingsOf(manifest: Pick<Manifest, 'analysis' | 'metrics' | 'methods'>): AnalysisSettings {
  const { analysis } = manifest;
  const declared = analysis?.primary !== undefined;
  const smallest = analysis?.smallest ?? 0;
  return {
    primary: analysis?.primary ?? defaultPrimary(manifest),
    declared,
    ...(analysis?.reference === undefined ? {} : { reference: analysis.reference }),
    strata: analysis?.strata ?? ['outcome'],
    least: analysis?.least ?? LEAST_SHARE,
    smallest: metric => (typeof smallest === 'number' ? smallest : (smallest[metric] ?? 0)),
  };
}

/**
 * Where the truth is known, how well maps show it; else `srg` on patches, averaged over three or more baselines that no
 * explainer uses where the run has them; else the first metric of faithfulness; else the first.
 */
function defaultPrimary({ metrics, methods }: Pick<Manifest, 'metrics' | 'methods'>): readonly string[] {
  const usable = metrics.filter(m => m.scope !== 'group' && m.rankable !== false);
  const truth = usable.find(m => m.name === 'causal-contrast');
  if (truth) return [truth.id];
  const srg = usable.filter(m => m.name === 'srg');
  const patches = srg.filter(onPatches);
  const used = new Set(methods.flatMap(m => m.baseline ?? []));
  const free = patches.filter(
    (m, i) => !used.has(m.baseline ?? '') && patches.findIndex(o => o.baseline === m.baseline) === i,
  );
  if (free.length >= LEAST_BASELINES) return free.map(m => m.id);
  const one = patches[0] ?? srg[0] ?? usable.find(m => m.category === 'faithfulness') ?? usable[0];
  return one ? [one.id] : [];
}

function onPatches({ options }: MetricEntry): boolean {
  return (options as { readonly unit?: unknown } | null)?.unit === 'patches';
}
