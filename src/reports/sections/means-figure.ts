import type { MetricAnalysis } from '../analysis/analysis.ts';
import { intervalChart } from '../charts/interval-chart.ts';
import type { Markup } from '../page/markup.ts';
import type { Names } from '../page/part-names.ts';
import { fixed } from '../text/format.ts';
import { metricDecimals } from '../text/words.ts';

/** Means with intervals as a chart, and what is drawn in it beside them; undefined without values. */
export interface MeansChart {
  readonly chart: Markup;
  /** Whether any mean has an interval. */
  readonly intervals: boolean;
  /** Whether controls or chance are drawn as lines, and methods' own shuffled maps as diamonds. */
  readonly references: boolean;
  readonly shuffled: boolean;
}

/**
 * @param place added to the axis' title: the model, where several charts stand together
 * @param width of the column that it is made for, where letters would become too small
 */
export function meansChart(
  entry: MetricAnalysis,
  names: Names,
  { place = '', width }: { readonly place?: string; readonly width?: number } = {},
): MeansChart | undefined {
  const { metric, methods, controls, chance } = entry;
  const decimals = metricDecimals(entry);
  const rows = methods.flatMap(({ method, summary }) => {
    if (!summary) return [];
    const shuffled = controls.find(c => c.of === method.id)?.summary?.mean;
    return [
      {
        label: method.id,
        colour: names.colour(method.id),
        mean: summary.mean,
        ...(summary.low !== null && summary.high !== null ? { low: summary.low, high: summary.high } : {}),
        ...(shuffled === undefined ? {} : { shuffled }),
      },
    ];
  });
  if (rows.length === 0) return undefined;
  const references = controls.flatMap(c =>
    c.of === undefined && c.summary ? [{ label: c.method.id, value: c.summary.mean }] : [],
  );
  if (chance !== undefined) references.push({ label: 'chance', value: chance });
  const spoken = rows.map(r => `${r.label} ${fixed(r.mean, decimals)}`).join('; ');
  const lines = references.map(r => `${r.label} ${fixed(r.value, decimals)}`).join('; ') || 'none';
  const [low, high] = metric.range;
  const chart = intervalChart({
    name: `${metric.title}${place}: ${spoken}. Controls: ${lines}.`,
    title: `${metric.title} ${metric.better === 'higher' ? '↑' : '↓'}${place}`,
    rows,
    references,
    within: [low ?? Number.NEGATIVE_INFINITY, high ?? Number.POSITIVE_INFINITY],
    ...(width === undefined ? {} : { width }),
  });
  const intervals = rows.some(r => 'low' in r);
  return { chart, intervals, references: references.length > 0, shuffled: rows.some(r => 'shuffled' in r) };
}

/** What stands under such charts. */
export function meansCaption({ intervals, references, shuffled }: Omit<MeansChart, 'chart'>): string {
  return `Means over patients${intervals ? ' with 95 % intervals' : ''}.${references ? ' Dashed lines: controls and chance.' : ''}${
    shuffled ? ' Diamonds: the explainer’s own maps of other patients.' : ''
  }`;
}
