import type { MetricContext, ScoreKind } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { fingerprint } from '../../../core/fingerprint.ts';
import { joinBatches, type Sequence } from '../../../core/perturbation/path.ts';
import { removalKey, removalPath } from '../../../core/perturbation/removal.ts';
import { predicts } from '../../../core/predicts.ts';
import { type Tensor, tensor } from '../../../core/tensor.ts';
import type { CurveOptions } from './options.ts';
import { type PerturbationPlan, planOf } from './perturbation-plan.ts';

/** `removed`: the most relevant elements come from the baseline, the others from the image; `kept`: vice versa. */
export type State = 'removed' | 'kept';

/** The raw score of the class explained at one point of a path. */
export interface Point {
  readonly score: number;
  /** Whether the class explained is predicted. */
  readonly first: boolean;
}

/** A point of a path: the number of most relevant elements that are removed or kept, neither none nor all. */
export interface WantedPoint {
  readonly edge: number;
  /** Of the priority fields. */
  readonly field: number;
}

/** Everything that the curves of one map on one image have in common. */
export interface Curves {
  readonly plan: PerturbationPlan;
  readonly image: Point;
  readonly baseline: Point;
  /** Points of a path, in the order in which they are asked for. Shared by the metrics of this image through the memo. */
  points(state: State, wanted: readonly WantedPoint[]): Promise<readonly Point[]>;
  /** Whether the priority fields disagree on which elements these are. */
  isOpen(edge: number): boolean;
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
    image,
    baseline,
    points: (state, wanted) =>
      context.memo(pathKey(context, state, wanted), () => pointsAt(context, plan.sequences, state, wanted)),
    isOpen: edge => plan.sequences.length > 1 && plan.ties.some(([start, end]) => start < edge && edge < end),
  };
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
function pointOf(scores: ArrayLike<number>, { model, target, options }: MetricContext<CurveOptions>): Point {
  const score = usable(scores[target.class], options);
  return { score, first: predicts(model, scores, target.class) };
}

async function pointsAt(
  context: MetricContext<CurveOptions>,
  sequences: readonly Sequence[],
  state: State,
  wanted: readonly WantedPoint[],
): Promise<Point[]> {
  // Along each order, so that one image is made from the last.
  const along = [...wanted.keys()].sort(
    (a, b) => wanted[a]!.field - wanted[b]!.field || wanted[a]!.edge - wanted[b]!.edge,
  );
  const batches = sequences.map(({ pixels, ends }, f) =>
    removalPath(
      context,
      state,
      pixels,
      along.filter(w => wanted[w]!.field === f).map(w => ends[wanted[w]!.edge]!),
    ),
  );
  const batch = joinBatches(batches);
  const as = rawKind(context.options);
  const { data, shape } = await context.model.scores(batch, { as, signal: context.signal });
  const classes = shape[1]!;
  const found = new Array<Point>(wanted.length);
  for (const [i, w] of along.entries()) found[w] = pointOf(data.subarray(i * classes, (i + 1) * classes), context);
  return found;
}

/** What the points of a path depend on, beside image and model. */
function pathKey(context: MetricContext<CurveOptions>, state: State, wanted: readonly WantedPoint[]): string {
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
    fingerprint(tensor([wanted.length, 2], Float32Array.from(wanted.flatMap(({ edge, field }) => [edge, field])))),
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
