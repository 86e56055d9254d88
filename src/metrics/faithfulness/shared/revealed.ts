import { z } from 'zod';
import {
  isUndefined,
  type Metric,
  type MetricContext,
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
import { allScores, type ClassScore } from './all-scores.ts';
import { expectedSteps, followGrids } from './follow-grid.ts';
import { precisionOption } from './options.ts';

const revealOptions = z.strictObject({
  steps: z
    .int()
    .min(2)
    .max(1000)
    .default(28)
    .describe('images between the blurred and the whole one; shares from 0.5 to 90 % of the pixels, in equal ratios'),
  running: z
    .boolean()
    .default(false)
    .describe('the curve is the largest so far, as in PAIR, of all steps; false: as it is'),
  precision: precisionOption,
});

type RevealOptions = z.output<typeof revealOptions>;

const FIRST_SHARE = 0.005;
const LAST_SHARE = 0.9;
/** Differences below these, in probability and in bits per pixel, have no shares. */
const LEAST_GAIN = 0.1;
const LEAST_BITS = 0.05;
const POINTS = 200;

/** Images that show the most relevant pixels sharp and the rest as in the baseline, from none to all. */
interface Revealed {
  /** Information of each, from 0 for the baseline to 1 for the image; clipped. */
  readonly information: readonly number[];
  /** Scores of some of them, which both performance information curves of a map have in common. */
  scores(index: readonly number[]): Promise<ClassScore[] | Undefined>;
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
    const key = `revealed/${options.steps}/${fingerprint(attribution)}/${removalKey(context)}`;
    const known = new Map<number, ClassScore>();
    return {
      information: bits.map(b => Math.min(1, Math.max(0, (b - bits[0]!) / gain))),
      async scores(index) {
        const missing = index.filter(i => !known.has(i));
        if (missing.length > 0) {
          const some = {
            count: missing.length,
            write: (i: number, out: Float32Array) => batch.write(missing[i]!, out),
          };
          const found = await allScores(context, `${key}/${missing.join()}`, some);
          if (isUndefined(found)) return found;
          for (const [j, i] of missing.entries()) known.set(i, found[j]!);
        }
        return index.map(i => known.get(i)!);
      },
    };
  });
}

/** What is judged at each step. */
export interface Performance {
  /** Raw scores, and what the area is under. */
  raw(score: ClassScore): number;
  follow(raw: number): number;
}

interface RevealMetric
  extends Pick<
    MetricSpec<typeof revealOptions>,
    'name' | 'title' | 'summary' | 'cite' | 'undefinedWhen' | 'criticism' | 'criticismSource'
  > {
  /** By the scores of the blurred and the whole image: what is judged, or why there is nothing to judge. */
  performance(blurred: ClassScore, image: ClassScore): Performance | Undefined;
  details?(blurred: ClassScore, image: ClassScore): Readonly<Record<string, number>>;
}

/** An area over the information shown. */
export function revealMetric({ performance, details, ...own }: RevealMetric): Metric {
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
    cost: ({ steps, ...o }) => {
      const forward = 1 + expectedSteps(steps + 1, precisionOf(o));
      return {
        ...{ forward, backward: 0 },
        shared: [{ key: `revealed in ${steps} steps`, per: 'map', forward, backward: 0 }],
      };
    },
    async evaluate(context) {
      const revealed = await reveal(context);
      if (isUndefined(revealed)) return revealed;
      const last = revealed.information.length - 1;
      const precision = precisionOf(context.options);
      const all = Array.from({ length: last + 1 }, (_, i) => i);
      const ends = await revealed.scores(precision === 'exact' ? all : [0, last]);
      if (isUndefined(ends)) return ends;
      const [blurred, image] = [ends[0]!, ends.at(-1)!];
      const judged = performance(blurred, image);
      if (isUndefined(judged)) return judged;
      // The information need not ascend; steps that show the same are one point of the curve.
      const points = groupedBy(revealed.information);
      const known = new Map<number, number>();
      const look = async (index: readonly number[]) => {
        const steps = index.flatMap(i => points[i]!.steps);
        const scores = await revealed.scores(steps);
        if (isUndefined(scores)) return scores;
        for (const [j, step] of steps.entries()) known.set(step, judged.raw(scores[j]!));
        return index.map(i => mean(points[i]!.steps.map(step => known.get(step)!)));
      };
      const grid = { x: points.map(p => p.information), look };
      const found = await followGrids([grid], { precision, unit: 'own' }, judged.follow);
      if (isUndefined(found)) return found;
      const seen = found.curves[0]!.index.map(i => points[i]!);
      const heights = seen.map(p => mean(p.steps.map(step => judged.follow(known.get(step)!))));
      return {
        value: areaOverInformation(
          seen.map(p => p.information),
          heights,
          context.options.running,
        ),
        ...(found.error === undefined ? {} : { error: found.error }),
        ...(details ? { details: details(blurred, image) } : {}),
      };
    },
  });
}

/** The largest so far is that of all steps. */
function precisionOf({ running, precision }: Pick<RevealOptions, 'running' | 'precision'>): number | 'exact' {
  return running ? 'exact' : precision;
}

/** Why there is nothing to gain between baseline and image; undefined where there is. */
export function noGain(blurred: ClassScore, image: ClassScore): Undefined | undefined {
  const gain = image.probability - blurred.probability;
  return gain >= LEAST_GAIN
    ? undefined
    : undefinedBecause(
        `the probability rises by ${gain.toPrecision(2)} from baseline to image, less than ${LEAST_GAIN}`,
      );
}

/** Steps by the information that they show, ascending. */
function groupedBy(information: readonly number[]): { readonly information: number; readonly steps: number[] }[] {
  const groups = new Map<number, number[]>();
  for (const [step, bits] of information.entries()) groups.set(bits, [...(groups.get(bits) ?? []), step]);
  return [...groups]
    .map(([bits, steps]) => ({ information: bits, steps }))
    .sort((a, b) => a.information - b.information);
}

/** The area under a performance over the information, both ends included. */
function areaOverInformation(x: readonly number[], y: readonly number[], running: boolean): number {
  const followed = running ? y.map((_, i) => Math.max(...y.slice(0, i + 1))) : y;
  const grid = Array.from({ length: POINTS + 1 }, (_, i) => i / POINTS);
  return areaUnder(
    grid,
    grid.map(at => valueAt(x, followed, at)),
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
