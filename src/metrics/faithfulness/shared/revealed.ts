import { z } from 'zod';
import {
  isUndefined,
  type Metric,
  type MetricContext,
  type Score,
  type Undefined,
  undefinedBecause,
} from '../../../core/contracts/index.ts';
import { defineMetric, type MetricSpec } from '../../../core/define.ts';
import { fingerprint } from '../../../core/fingerprint.ts';
import { informationOf } from '../../../core/image/information.ts';
import { windowEnds } from '../../../core/image/window.ts';
import { areaUnder, valueAt } from '../../../core/perturbation/curve.ts';
import { priorityField, rankByField } from '../../../core/perturbation/order.ts';
import { removalKey, removalPath } from '../../../core/perturbation/removal.ts';
import { tensor } from '../../../core/tensor.ts';
import { allScores } from './all-scores.ts';

const revealOptions = z.strictObject({
  steps: z
    .int()
    .min(2)
    .max(1000)
    .default(28)
    .describe('images between the blurred and the whole one; shares from 0.5 to 90 % of the pixels, in equal ratios'),
  running: z.boolean().default(false).describe('the curve is the largest so far, as in PAIR; false: as it is'),
});

type RevealOptions = z.output<typeof revealOptions>;

const FIRST_SHARE = 0.005;
const LAST_SHARE = 0.9;
/** Differences below these, in probability and in bits per pixel, have no shares. */
const LEAST_GAIN = 0.1;
const LEAST_BITS = 0.05;
const POINTS = 200;

/** Images that show the most relevant pixels sharp and the rest as in the baseline, from none to all. */
export interface Revealed {
  /** Information of each, from 0 for the baseline to 1 for the image; clipped. */
  readonly information: readonly number[];
  readonly probability: readonly number[];
  /** Whether the class explained comes first. */
  readonly first: readonly boolean[];
}

/** One run for both performance information curves of a map. */
function reveal(context: MetricContext<RevealOptions>): Promise<Revealed | Undefined> {
  const { attribution, image, options, rng, view } = context;
  return context.mapMemo(`revealed/${options.steps}/${removalKey(context)}`, async () => {
    const ends = windowEnds(context);
    if (ends === null) return undefinedBecause('the image does not vary, so that the window’s range is unknown');
    const count = attribution.data.length;
    const { order } = rankByField(attribution.data, priorityField(count, rng.fork('ties', count, 0)));
    const ratio = (LAST_SHARE / FIRST_SHARE) ** (1 / (options.steps - 1));
    const shares = Array.from({ length: options.steps }, (_, i) => FIRST_SHARE * ratio ** i);
    const counts = [0, ...shares.map(s => Math.max(1, Math.round(s * count))), count];
    const batch = removalPath(context, 'kept', order, counts);
    const buffer = new Float32Array(image.data.length);
    const shown = tensor(view.shape);
    const bits = counts.map((_, i) => {
      batch.write(i, buffer);
      const [low, high] = ends[0]!;
      for (let p = 0; p < count; p++) shown.data[p] = (buffer[p * ends.length]! - low) / (high - low);
      return informationOf(shown);
    });
    const gain = bits.at(-1)! - bits[0]!;
    if (gain < LEAST_BITS) return undefinedBecause('the image holds no more information than the baseline');
    const scores = await allScores(
      context,
      `revealed/${options.steps}/${fingerprint(attribution)}/${removalKey(context)}`,
      batch,
    );
    if (isUndefined(scores)) return scores;
    return {
      information: bits.map(b => Math.min(1, Math.max(0, (b - bits[0]!) / gain))),
      probability: scores.map(s => s.probability),
      first: scores.map(s => s.first),
    };
  });
}

interface RevealMetric
  extends Pick<
    MetricSpec<typeof revealOptions>,
    'name' | 'title' | 'summary' | 'cite' | 'undefinedWhen' | 'criticism' | 'criticismSource'
  > {
  score(revealed: Revealed, options: RevealOptions): Score | Undefined;
}

/** An area over the information shown. */
export function revealMetric({ score, ...own }: RevealMetric): Metric {
  return defineMetric({
    ...own,
    category: 'faithfulness',
    better: 'higher',
    range: [0, 1],
    needs: ['model'],
    needsClasses: 'it follows the probability or the class predicted',
    baseline: 'blur',
    options: revealOptions,
    presets: { pair: { options: { running: true } } },
    checks: {
      options: { steps: 8 },
      skip: {
        'prefers a right map to random ones': 'a map that is right pixel by pixel is noise, which costs information',
      },
    },
    cost: ({ steps }) => ({
      ...{ forward: steps + 2, backward: 0 },
      shared: [{ key: `revealed in ${steps} steps`, per: 'map', forward: steps + 2, backward: 0 }],
    }),
    async evaluate(context) {
      const found = await reveal(context);
      return isUndefined(found) ? found : score(found, context.options);
    },
  });
}

/** Why there is nothing to gain between baseline and image; undefined where there is. */
export function noGain({ probability }: Revealed): Undefined | undefined {
  const gain = probability.at(-1)! - probability[0]!;
  return gain >= LEAST_GAIN
    ? undefined
    : undefinedBecause(
        `the probability rises by ${gain.toPrecision(2)} from baseline to image, less than ${LEAST_GAIN}`,
      );
}

/** The area under a performance over the information, which need not ascend: points of equal information are averaged. */
export function areaOverInformation(
  information: readonly number[],
  performance: readonly number[],
  running: boolean,
): number {
  const order = [...information.keys()].sort((a, b) => information[a]! - information[b]!);
  const [x, y]: [number[], number[]] = [[], []];
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && information[order[end]!] === information[order[start]!]) end++;
    const group = order.slice(start, end);
    x.push(information[order[start]!]!);
    y.push(group.reduce((sum, i) => sum + performance[i]!, 0) / group.length);
    start = end;
  }
  const followed = running ? y.map((_, i) => Math.max(...y.slice(0, i + 1))) : y;
  const grid = Array.from({ length: POINTS + 1 }, (_, i) => i / POINTS);
  return areaUnder(
    grid,
    grid.map(at => valueAt(x, followed, at)),
  );
}
