import type { MetricAnalysis, MetricRanking } from './analysis.ts';

/** The rank sets that may be shown: none where the metric must not rank, patients are too few, or a stratum reverses. */
export function shownRanks({ ranking, doNotRank }: MetricAnalysis): MetricRanking['sets'] | undefined {
  const shown = ranking?.canRank && doNotRank === undefined && ranking.reversals.length === 0;
  return shown ? ranking.sets : undefined;
}
