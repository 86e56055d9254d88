import type { MetricContext, ScoreKind } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { fingerprint } from '../../../core/fingerprint.ts';
import { joinBatches } from '../../../core/perturbation/path.ts';
import { removalKey, removalPath } from '../../../core/perturbation/removal.ts';
import { type Tensor, tensor } from '../../../core/tensor.ts';
import type { CurveOptions } from './options.ts';
import { type PerturbationPlan, planOf } from './perturbation-plan.ts';

/** `removed`: the most relevant elements come from the baseline, the others from the image; `kept`: vice versa. */
export type State = 'removed' | 'kept';

/** Raw scores along a path. Points are by the number of most relevant elements that are removed or kept, ascending. */
export interface PathScores {
  /** Share of the image's pixels in those elements, for each priority field; from 0 to 1. */
  readonly fraction: readonly (readonly number[])[];
  /** For each priority field. */
  readonly score: readonly (readonly number[])[];
  /** For each priority field: whether no class has a higher score than the one explained. */
  readonly first: readonly (readonly boolean[])[];
}

/** Everything that the curves of one map on one image have in common. */
export interface Curves {
  readonly plan: PerturbationPlan;
  /** Raw score of the image, and of the baseline. */
  readonly image: number;
  readonly baseline: number;
  /** Whether no class has a higher score there than the one explained. */
  readonly imageFirst: boolean;
  readonly baselineFirst: boolean;
  /** Scores along a path, shared by the metrics of this image through the memo. */
  path(state: State, edges: readonly number[]): Promise<PathScores>;
}

/**
 * The score that is really asked for. The margin is the log-odds of the probability, so one pass gives both, and the
 * margin of a saturated probability is not lost.
 */
export function rawKind(options: CurveOptions): ScoreKind {
  return options.score === 'logit' ? 'logit' : 'margin';
}

/** The score that is followed, from the raw one. */
export function fromRaw(options: CurveOptions): (raw: number) => number {
  return options.score === 'probability' ? raw => 1 / (1 + Math.exp(-raw)) : raw => raw;
}

/** @throws CtXaiError MODEL if the model gives NaN, or an infinity that is not that of a saturated probability. */
export async function curvesOf(context: MetricContext<CurveOptions>): Promise<Curves> {
  context.signal.throwIfAborted();
  const plan = planOf(context);
  const [image, baseline] = [await scoreOf(context, context.image), await scoreOf(context, context.baseline)];
  return {
    plan,
    image: image.score,
    baseline: baseline.score,
    imageFirst: image.first,
    baselineFirst: baseline.first,
    path: (state, edges) =>
      context.memo(pathKey(context, state, edges), async () => {
        const inner = await innerScores(context, plan, state, edges);
        const [start, end] = state === 'removed' ? [image, baseline] : [baseline, image];
        const pixels = context.attribution.data.length;
        const whole = inner.map(points => [start, ...points, end]);
        return {
          fraction: plan.sequences.map(s => edges.map(e => s.ends[e]! / pixels)),
          score: whole.map(points => points.map(p => p.score)),
          first: whole.map(points => points.map(p => p.first)),
        };
      }),
  };
}

interface Point {
  readonly score: number;
  readonly first: boolean;
}

/** The target's raw score of one image; shared by all methods and metrics of the sample. */
async function scoreOf(context: MetricContext<CurveOptions>, image: Tensor): Promise<Point> {
  const as = rawKind(context.options);
  const all = await context.memo(`scores/${as}/${fingerprint(image)}`, async () => {
    const batch = { count: 1, write: (_: number, out: Float32Array) => out.set(image.data) };
    const scores = await context.model.scores(batch, { as, signal: context.signal });
    return [...scores.data];
  });
  return pointOf(all, context);
}

/** The class explained among the scores of all classes. */
function pointOf(scores: ArrayLike<number>, { target, options }: MetricContext<CurveOptions>): Point {
  const score = usable(scores[target.class], options);
  let first = true;
  for (let c = 0; c < scores.length; c++) if (scores[c]! > score) first = false;
  return { score, first };
}

/** Scores between the ends, for each priority field; edges that the fields agree on are scored once. */
async function innerScores(
  context: MetricContext<CurveOptions>,
  plan: PerturbationPlan,
  state: State,
  edges: readonly number[],
): Promise<Point[][]> {
  const inner = edges.slice(1, -1);
  const open = inner.map(e => plan.ties.some(([start, end]) => start < e && e < end));
  const asked = plan.sequences.map((_, f) => inner.filter((_, i) => f === 0 || open[i]));
  const batches = plan.sequences.map((sequence, f) =>
    removalPath(
      context,
      state,
      sequence.pixels,
      asked[f]!.map(e => sequence.ends[e]!),
    ),
  );
  const batch = joinBatches(batches);
  if (batch.count === 0) return plan.sequences.map(() => []);
  const as = rawKind(context.options);
  const { data, shape } = await context.model.scores(batch, { as, signal: context.signal });
  const classes = shape[1]!;
  const flat = Array.from({ length: batch.count }, (_, i) =>
    pointOf(data.subarray(i * classes, (i + 1) * classes), context),
  );
  const first = flat.slice(0, inner.length);
  let next = inner.length;
  return plan.sequences.map((_, f) => (f === 0 ? first : inner.map((_, i) => (open[i] ? flat[next++]! : first[i]!))));
}

/** What a path's scores depend on, beside image and model. */
function pathKey(context: MetricContext<CurveOptions>, state: State, edges: readonly number[]): string {
  const { options, target } = context;
  return JSON.stringify([
    'path',
    rawKind(options),
    target.class,
    state,
    fingerprint(context.attribution),
    removalKey(context),
    options.unit === 'patches' ? [options.patch, options.patchPixels ?? 0] : 0,
    options.order,
    options.tieFields,
    fingerprint(tensor([edges.length], Float32Array.from(edges))),
  ]);
}

/** A probability of exactly 0 or 1 has an infinite margin, and is a score all the same. */
function usable(score: number | undefined, options: CurveOptions): number {
  const saturated = options.score === 'probability' && Math.abs(score ?? 0) === Number.POSITIVE_INFINITY;
  if (score === undefined || !(Number.isFinite(score) || saturated)) {
    throw new CtXaiError('MODEL', `the model's ${rawKind(options)} is ${score}, not a finite number.`, {
      hint: 'Check the weights and the intensity steps of its card.',
    });
  }
  return score;
}
