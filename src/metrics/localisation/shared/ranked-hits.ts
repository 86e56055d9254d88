import { isUndefined, type MetricContext, type Undefined } from '../../../core/contracts/index.ts';
import { quantise } from '../../../core/perturbation/order.ts';
import { inside, type Located, locate } from './ground-truth.ts';

/** The body's pixels in runs of equal value, from the most to the least relevant. */
export interface RankedHits extends Located {
  /** Pixels in the first run, the first two, … */
  readonly pixels: Float64Array;
  /** Those of them that lie in the mask. */
  readonly hits: Float64Array;
}

/** One sort, shared by all metrics of the map that ask for it. */
export function rankedHits(context: MetricContext<unknown>): Promise<RankedHits | Undefined> {
  return context.mapMemo('ranked hits', async () => {
    const located = locate(context);
    if (isUndefined(located)) return located;
    const { body, mask } = located;
    const keys = quantise(context.attribution.data);
    const order = Uint32Array.from(keys.keys()).filter(i => inside(body.data[i]!));
    order.sort((a, b) => keys[b]! - keys[a]!);
    const [pixels, hits]: [number[], number[]] = [[], []];
    let hit = 0;
    order.forEach((i, r) => {
      if (inside(mask.data[i]!)) hit++;
      if (r + 1 < order.length && keys[order[r + 1]!] === keys[i]) return;
      pixels.push(r + 1);
      hits.push(hit);
    });
    return { ...located, pixels: Float64Array.from(pixels), hits: Float64Array.from(hits) };
  });
}

/** Expected hits among the `count` most relevant pixels, where the order of equal ones is random. */
export function hitsAmong({ pixels, hits }: RankedHits, count: number): number {
  const run = pixels.findIndex(n => n >= count);
  const [before, hit] = run === 0 ? [0, 0] : [pixels[run - 1]!, hits[run - 1]!];
  return hit + ((count - before) / (pixels[run]! - before)) * (hits[run]! - hit);
}
