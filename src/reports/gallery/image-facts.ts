import { spearman } from '../../core/statistics/correlation.ts';
import type { Tensor } from '../../core/tensor.ts';
import type { ModelAnalysis } from '../analysis/analysis.ts';
import type { RunSummary } from '../summary/collect.ts';

/** Cells a side on which maps are compared. */
const GRID = 16;

/**
 * How far explainers' maps of one image disagree: 1 less the mean of Spearman's correlation over pairs, on a coarse
 * grid. 0: the same order everywhere; undefined for fewer than two maps that vary.
 */
export function disagreement(maps: readonly Tensor[]): number | undefined {
  const coarse = maps.map(coarsened);
  const correlations = coarse.flatMap((a, i) => coarse.slice(i + 1).flatMap(b => spearman(a, b) ?? []));
  if (correlations.length === 0) return undefined;
  return 1 - correlations.reduce((x, y) => x + y, 0) / correlations.length;
}

function coarsened({ shape, data }: Tensor): number[] {
  const [height, width] = [shape[0] ?? 1, shape[1] ?? 1];
  const sums = new Float64Array(GRID * GRID);
  const counts = new Float64Array(GRID * GRID);
  for (let r = 0; r < height; r++) {
    for (let c = 0; c < width; c++) {
      const at = Math.floor((r * GRID) / height) * GRID + Math.floor((c * GRID) / width);
      const value = data[r * width + c]!;
      if (!Number.isFinite(value)) continue;
      sums[at]! += value;
      counts[at]!++;
    }
  }
  return Array.from(sums, (sum, i) => (counts[i]! > 0 ? sum / counts[i]! : 0));
}

/** Values of one model's maps, for the gallery. */
export interface ImageScores {
  /** By metric, in the order of `metrics`; null where there is none. */
  values(method: string, sample: string): readonly (number | null)[];
  /** The worst value of any explainer by the primary metric, turned so that larger is better. */
  worst(sample: string): number | undefined;
}

export function imageScores(
  { scores }: RunSummary,
  { model, metrics, primaryMetric }: ModelAnalysis,
  shown: readonly string[],
): ImageScores {
  const cells = new Map(
    scores
      .filter(cell => cell.model === model.id)
      .map(cell => [JSON.stringify([cell.metric, cell.method]), cell.values]),
  );
  const scoreOf = (metric: string, method: string, sample: string) =>
    cells.get(JSON.stringify([metric, method]))?.get(sample);
  const first = metrics.find(entry => entry.metric.id === primaryMetric);
  return {
    values: (method, sample) =>
      shown.map(metric => {
        const value = scoreOf(metric, method, sample);
        return value === undefined ? null : Number(value.toPrecision(4));
      }),
    worst(sample) {
      if (!first) return undefined;
      const sign = first.metric.better === 'higher' ? 1 : -1;
      const values = first.methods.flatMap(({ method }) => scoreOf(first.metric.id, method.id, sample) ?? []);
      return values.length === 0 ? undefined : Math.min(...values.map(v => sign * v));
    },
  };
}
