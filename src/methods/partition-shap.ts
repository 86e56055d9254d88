import { z } from 'zod';
import type { Batch, ImageContext } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { planar, type Tensor, tensor } from '../core/tensor.ts';
import { scoreOption } from './shared/options.ts';

/** Coalitions asked for at once, as the package shap does. */
const BATCH = 10;

/** A rectangle of pixels, halved along its longer side; `credit` is what it is worth as far as it was not halved. */
interface Region {
  readonly y: readonly [number, number];
  readonly x: readonly [number, number];
  credit: number;
  halves?: readonly [Region, Region];
}

/** Regions that are shown beside one region: the last one, and those before. */
type Shown = { readonly region: Region; readonly others: Shown } | undefined;

interface Open {
  readonly region: Region;
  readonly shown: Shown;
  /** Scores without and with the region, the others shown. */
  readonly off: number;
  readonly on: number;
  readonly weight: number;
}

/**
 * Partition SHAP: Owen values of pixels under a tree that halves the image (Lundberg's PartitionExplainer; Owen 1977). A
 * region's two halves are each added before and after the other, the region with the largest weighted effect first,
 * until the budget is spent; what a region is worth then lies evenly on its pixels. Additive: pixels sum to f(x) − f(b).
 */
export const partitionShap = defineExplainer({
  name: 'partition-shap',
  title: 'Partition SHAP',
  summary: 'Owen values: the image is halved again and again where it matters most.',
  advice: 'For any classifier, where the interest is in finding the few places that matter with few passes.',
  cite: 'Owen 1977, doi:10.1007/978-3-642-45494-3_7; as in shap, Lundberg and Lee 2017, arXiv:1705.07874',
  kind: 'additive',
  baseline: 'air',
  options: z.strictObject({
    samples: z.int().min(4).max(1_000_000).default(500).describe('forward passes, image and baseline included'),
    score: scoreOption('margin'),
  }),
  presets: { shap: { options: { score: 'probability' }, baseline: 'blur' } },
  checks: { options: { samples: 100 } },
  cost: ({ samples }) => ({ forward: samples, backward: 0, atMost: true }),
  spend: (passes, o) => (passes < 4 ? undefined : { ...o, samples: Math.min(1_000_000, Math.floor(passes)) }),

  async explain(context) {
    const { model, target, options: o, signal } = context;
    const [height, width] = planar(model.input.spatial);
    const scoresOf = (masks: readonly Shown[]) =>
      model.score(shownBatch(context, masks), { class: target.class, score: o.score }, { signal });
    const all = region([0, height], [0, width]);
    const [off = 0, on = 0] = await scoresOf([undefined, { region: all, others: undefined }]);
    const queue: Open[] = [{ region: all, shown: undefined, off, on, weight: 1 }];
    let spent = 2;
    while (queue.length > 0 && spent + 2 <= o.samples) {
      const chosen: Open[] = [];
      while (queue.length > 0 && 2 * chosen.length < BATCH && spent + 2 * chosen.length + 2 <= o.samples) {
        const next = takeLargest(queue);
        if (halvesOf(next.region)) chosen.push(next);
        else next.region.credit += (next.on - next.off) * next.weight;
      }
      const scores = await scoresOf(
        chosen.flatMap(({ region, shown }) => halvesOf(region)!.map(half => ({ region: half, others: shown }))),
      );
      spent += scores.length;
      chosen.forEach((open, i) => {
        queue.push(...halved(open, scores[2 * i]!, scores[2 * i + 1]!));
      });
    }
    for (const { region, off, on, weight } of queue) region.credit += (on - off) * weight;
    const map = tensor([height, width]);
    spread(all, map);
    return { map, diagnostics: { samples: spent, difference: on - off } };
  },
});

function region(y: Region['y'], x: Region['x']): Region {
  return { y, x, credit: 0 };
}

/** The two halves along the longer side, rows first; undefined for a single pixel. */
function halvesOf(whole: Region): readonly [Region, Region] | undefined {
  const { y, x } = whole;
  const [tall, wide] = [y[1] - y[0], x[1] - x[0]];
  if (tall === 1 && wide === 1) return undefined;
  if (!whole.halves) {
    const [row, column] = [y[0] + (tall >> 1), x[0] + (wide >> 1)];
    whole.halves =
      tall >= wide
        ? [region([y[0], row], x), region([row, y[1]], x)]
        : [region(y, [x[0], column]), region(y, [column, x[1]])];
  }
  return whole.halves;
}

/** Each half, before and after the other, given the scores with the one and with the other. */
function halved({ region, shown, off, on, weight }: Open, one: number, other: number): Open[] {
  const [a, b] = halvesOf(region)!;
  const half = weight / 2;
  return [
    { region: a, shown, off, on: one, weight: half },
    { region: b, shown, off, on: other, weight: half },
    { region: a, shown: { region: b, others: shown }, off: other, on, weight: half },
    { region: b, shown: { region: a, others: shown }, off: one, on, weight: half },
  ];
}

/** Takes the entry with the largest weighted effect out; of equals, the first. */
function takeLargest(queue: Open[]): Open {
  let [best, most] = [0, -1];
  queue.forEach(({ on, off, weight }, i) => {
    const effect = Math.abs(on - off) * weight;
    if (effect > most) [best, most] = [i, effect];
  });
  return queue.splice(best, 1)[0]!;
}

/** Adds a region's credit, and that of all within it, evenly to its pixels. */
function spread({ y, x, credit, halves }: Region, map: Tensor): void {
  const value = credit / ((y[1] - y[0]) * (x[1] - x[0]));
  for (let row = y[0]; row < y[1]; row++) {
    for (let p = row * map.shape[1]! + x[0]; p < row * map.shape[1]! + x[1]; p++) map.data[p]! += value;
  }
  for (const half of halves ?? []) spread(half, map);
}

/** The baseline, or what a filler makes of the surroundings, with the image where it is shown. */
function shownBatch({ image, baseline, fill }: ImageContext, masks: readonly Shown[]): Batch {
  const [height = 0, width = 0, channels = 1] = image.shape;
  return {
    count: masks.length,
    write(i, out) {
      const shown = new Uint8Array(height * width);
      for (let at = masks[i]; at; at = at.others) {
        const { y, x } = at.region;
        for (let row = y[0]; row < y[1]; row++) shown.fill(1, row * width + x[0], row * width + x[1]);
      }
      const behind = fill && shown.includes(0) ? fill(shown.map(v => 1 - v)) : baseline;
      for (let k = 0; k < out.length; k++) {
        out[k] = (shown[Math.floor(k / channels)] === 1 ? image : behind).data[k]!;
      }
    },
  };
}
