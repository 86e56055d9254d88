import type { MetricContext } from '../../../core/contracts/index.ts';
import type { SegmentPixels } from '../../../core/image/segmentation.ts';
import { priorityField, type Ranking, rankByField, rankStably } from '../../../core/perturbation/order.ts';
import { elementMeans, patches, singlePixels } from '../../../core/perturbation/partition.ts';
import { type Sequence, sequenceOf } from '../../../core/perturbation/path.ts';
import { patchSize } from '../../shared/patch-options.ts';
import { type CurveOptions, edgesOf } from './options.ts';

/** Above this share of pixels in large ties, several priority fields are averaged. */
const TIED = 0.05;

/** In which order, and in what portions, an image is changed. */
export interface PerturbationPlan {
  /** One per priority field. */
  readonly sequences: readonly Sequence[];
  /** Elements changed after each step, from 0 to all. */
  readonly edges: readonly number[];
  /** Positions strictly inside these [start, end) differ between the fields enough to be scored for each. */
  readonly ties: readonly (readonly [number, number])[];
  /** Share of the pixels that lie in ties larger than a step and differ between image and baseline. */
  readonly tiedShare: number;
  /** Rows and columns of an element; [1, 1] for pixels. */
  readonly patch: readonly [number, number];
}

/** The plan of one map on its image. */
export function planOf(context: MetricContext<CurveOptions>): PerturbationPlan {
  const { attribution, image, options } = context;
  const [h, w] = image.shape as [number, number];
  const patch: [number, number] = options.unit === 'pixels' ? [1, 1] : patchSize(options, context.spacing);
  const elements = options.unit === 'pixels' ? singlePixels(h * w) : patches([h, w], patch);
  const count = elements.start.length - 1;
  const values = options.unit === 'pixels' ? attribution.data : elementMeans(attribution, elements);
  const edges = edgesOf(options, count);
  if (options.order === 'stable') {
    const sequences = [sequenceOf(elements, rankStably(values).order)];
    return { sequences, edges, ties: [], tiedShare: 0, patch };
  }
  const ranking = (field: number): Ranking =>
    rankByField(values, priorityField(count, context.rng.fork('ties', count, field)));
  const first = ranking(0);
  const { ties, tiedShare } = largeTies(context, elements, first, edges);
  const fields = tiedShare > TIED ? options.tieFields : 1;
  const rankings = Array.from({ length: fields }, (_, f) => (f === 0 ? first : ranking(f)));
  return { sequences: rankings.map(r => sequenceOf(elements, r.order)), edges, ties, tiedShare, patch };
}

/**
 * Runs of equal values longer than a step: whole steps are then filled by the priority field alone. Shorter ones move
 * less than a step's pixels. Pixels that are alike in image and baseline do not count: their order changes nothing.
 */
function largeTies(
  context: MetricContext<CurveOptions>,
  elements: SegmentPixels,
  ranking: Ranking,
  edges: readonly number[],
): Pick<PerturbationPlan, 'ties' | 'tiedShare'> {
  const step = edges[1]!;
  const ties: [number, number][] = [];
  let pixels = 0;
  for (let r = 0; r + 1 < ranking.runs.length; r++) {
    const [start, end] = [ranking.runs[r]!, ranking.runs[r + 1]!];
    if (end - start <= Math.max(1, step)) continue;
    let differing = 0;
    for (let p = start; p < end; p++) differing += differingPixels(context, elements, ranking.order[p]!);
    if (differing === 0) continue;
    ties.push([start, end]);
    pixels += differing;
  }
  return { ties, tiedShare: pixels / elements.pixels.length };
}

function differingPixels(context: MetricContext<CurveOptions>, elements: SegmentPixels, element: number): number {
  const { image, baseline, fill } = context;
  // What a filler makes of a pixel depends on the others that are removed.
  if (fill) return elements.start[element + 1]! - elements.start[element]!;
  const channels = image.shape[2]!;
  let count = 0;
  for (let j = elements.start[element]!; j < elements.start[element + 1]!; j++) {
    const start = elements.pixels[j]! * channels;
    for (let c = start; c < start + channels; c++) {
      if (image.data[c] !== baseline.data[c]) {
        count++;
        break;
      }
    }
  }
  return count;
}
