import { criticalDifference, undividedSets } from '../../core/statistics/critical-difference.ts';
import type { MetricAnalysis } from '../analysis/analysis.ts';
import { shownRanks } from '../analysis/shown-ranks.ts';
import { rankChart } from '../charts/rank-chart.ts';
import { html, type Markup } from '../page/markup.ts';
import type { Names } from '../page/part-names.ts';
import { fixed, listed, plural } from '../text/format.ts';

/**
 * A critical-difference diagram, where ranks may be shown. Nemenyi's difference is drawn for comparison; what is joined is
 * decided by the report's own tests, which do not depend on which explainers are in the run.
 */
export function ranksFigure(entry: MetricAnalysis, names: Names): Markup | undefined {
  const { ranking, metric } = entry;
  if (!ranking || !shownRanks(entry) || ranking.meanRanks.size < 2) return undefined;
  const rows = [...ranking.meanRanks]
    .map(([id, rank]) => ({ label: id, colour: names.colour(id), rank }))
    .sort((a, b) => a.rank - b.rank);
  const separated = new Set(
    ranking.pairs.filter(p => p.significant).flatMap(p => [key(p.better, p.worse), key(p.worse, p.better)]),
  );
  const sets = undividedSets(rows.length, (a, b) => separated.has(key(rows[a]!.label, rows[b]!.label)));
  const difference = criticalDifference(rows.length, ranking.patients);
  const spoken = rows.map(r => `${r.label} ${fixed(r.rank, 2)}`).join('; ');
  const joined = sets.map(set => listed(set.map(i => rows[i]!.label))).join('; ') || 'none';
  const chart = rankChart({
    name: `Mean ranks by ${metric.title}: ${spoken}. Not separated: ${joined}.`,
    title: `mean rank by ${metric.title}, 1 is best`,
    rows,
    sets,
    ...(difference === undefined ? {} : { difference }),
  });
  return html`<figure>${chart}<figcaption>Critical-difference diagram of ${plural(ranking.patients, 'patient')}. A bar joins explainers of which no two are separated by the tests under the table.${
    difference === undefined
      ? ''
      : ' CD: the difference of mean ranks that Nemenyi’s test asks for; shown for comparison, not used.'
  }</figcaption></figure>`;
}

function key(a: string, b: string): string {
  return JSON.stringify([a, b]);
}
