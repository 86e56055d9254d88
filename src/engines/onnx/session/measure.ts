import { availableParallelism } from 'node:os';
import type { ModelCard, ModelMeasurements } from '../../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { type Judgement, judgeBeforeTail, judgeOutputs, staysBounded } from '../../shared/judge-outputs.ts';
import { probeImages } from '../../shared/probe-images.ts';
import type { SupportedCard } from '../../shared/supported-card.ts';
import { encodeByReference } from '../graph/by-reference.ts';
import { RANDOM } from '../graph/random.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import type { Headed } from '../load/tail.ts';
import { behindTail, type Untouched } from '../load/untouched.ts';
import { imageFeed } from './image-feed.ts';
import type { OnnxPool } from './onnx-pool.ts';
import type { SessionSource } from './session-options.ts';
import { LONGEST_MS, MICRO_BATCHES } from './tune.ts';

/** What passes of the opened model established, and what follows from it. */
export interface MeasuredModel {
  readonly measurements: ModelMeasurements;
  /** Whether images of a batch change each other's scores: then each is run alone. */
  readonly mixes: boolean;
}

/** Two passes of one image may differ by rounding in the order of sums, but not by this share of the largest score. */
const REPEATS = 1e-4;
/** Kernels for one image and for several round differently. */
const INDEPENDENT = 1e-3;
/** Beside other images, in a batch of the same size, an image's scores have the same bits, or nearly. */
const UNMOVED = 1e-6;
/** Two graphs of the same network round differently. */
const SAME_GRAPH = 1e-3;
/** A pass that takes longer, in milliseconds, is made as rarely as possible. */
const SLOW = 100;

/** What a reader of a report must know of findings that do not exclude each other. */
const FINDINGS =
  'Its findings do not exclude each other: the predicted one is that of the highest probability, so accuracy, ' +
  'calibration and outcomes tell how often that is the label of the image. Name the finding in the suite, target: NAME.';

/** What is measured, and on what. */
export interface OpenedGraph {
  readonly headed: Headed;
  readonly card: SupportedCard;
  readonly pool: OnnxPool;
  /** The file as ONNX Runtime itself reads it; absent where a graph stands for it. */
  readonly untouched?: Untouched;
  /** The most images of one pass, where that is given. */
  readonly microBatch?: number | undefined;
}

/**
 * Runs an opened model on a few synthetic images: one twice, each alone, several together and in another order, and the
 * untouched file beside it.
 * @throws CtXaiError MODEL where scores are drawn at random, where images of a batch that can't be 1 change each
 * other's scores, and where the file itself gives other scores; CARD where the outputs contradict the card.
 */
export async function measure(subject: OpenedGraph): Promise<MeasuredModel> {
  const { headed, card, pool } = subject;
  const { model } = headed;
  const images = probeImages(card);
  const run = await opened(pool, 'measured', encodeByReference(model.graph), model, card);
  try {
    const scores = await scored(run, images, subject);
    const warnings = checkRepeats(scores, model, card);
    const mixes = checkIndependence(scores, model, card, warnings);
    const judged = await compared(subject, images, scores);
    const { tail } = headed;
    const before =
      tail && card.explainAt !== 'output'
        ? judgeBeforeTail(scores.alone, tail.op)
        : { warnings: [], ifBounded: undefined };
    warnings.push(...judged.warnings, ...before.warnings);
    if (card.task === 'multi-label') warnings.push(FINDINGS);
    const ifBounded = judged.ifBounded ?? before.ifBounded;
    const bounded = ifBounded !== undefined && (await boundedThroughout(run, images, subject));
    if (bounded) warnings.push(ifBounded);
    const { repeatError, batchError } = scores;
    const outputs = { emits: judged.emits, ...(bounded && judged.ifBounded ? { bounded } : {}) };
    const measurements = { repeatError, batchError, ...outputs };
    return { measurements: { ...measurements, ...(warnings.length > 0 ? { warnings } : {}) }, mixes };
  } finally {
    await pool.drop('measured');
  }
}

/** Whether outputs stay within 0…1 on images of a hundredfold contrast, where logits run away. */
async function boundedThroughout(run: Run, images: readonly Float32Array[], { headed }: OpenedGraph): Promise<boolean> {
  const extreme = [images[0]!.map(v => 100 * v), images[1]!.map(v => -100 * v)];
  const rows = [];
  for (let i = 0; i < extreme.length; i++) rows.push((await run(rowsAlone(headed.model, i), extreme))[0]!);
  return staysBounded(rows);
}

/** Raw outputs of some of the probe images in one pass: a row for each. */
type Run = (indices: readonly number[], images: readonly Float32Array[]) => Promise<Float32Array[]>;

interface Scores {
  /** By image, each run alone (or, where the batch is fixed, in a batch of copies). */
  readonly alone: readonly Float32Array[];
  readonly repeatError: number;
  readonly batchError: number;
  /** How far an image's scores move when the others of its batch are replaced by images of a hundredfold contrast. */
  readonly neighbourError: number;
}

async function opened(
  pool: OnnxPool,
  session: string,
  source: SessionSource,
  model: NormalisedModel,
  card: ModelCard,
  names: { readonly input: string; readonly output: string } = model,
): Promise<Run> {
  const threads = Math.min(4, availableParallelism());
  await pool.open(session, source, { executionProviders: ['cpu'], threads, optimise: false }, 1);
  return async (indices, images) => {
    const feed = imageFeed(names.input, indices, images, card.input);
    const { outputs } = await pool.run(session, [feed], 1, undefined, [names.output]);
    const all = outputs[names.output]!;
    const units = all.length / indices.length;
    return indices.map((_, i) => all.slice(i * units, (i + 1) * units));
  };
}

/** The rows of a pass that tells of image `i` alone. */
function rowsAlone(model: NormalisedModel, i: number): number[] {
  return new Array<number>(model.dynamicBatch ? 1 : model.graph.inputs[0]!.dims[0]!).fill(i);
}

async function scored(run: Run, images: readonly Float32Array[], subject: OpenedGraph): Promise<Scores> {
  const { model } = subject.headed;
  const one = async (i: number) => (await run(rowsAlone(model, i), images))[0]!;
  const start = performance.now();
  const first = await one(0);
  const between = performance.now();
  const again = await one(0);
  const most = mostImages(Math.min(between - start, performance.now() - between), subject.microBatch);
  const slow = between - start > SLOW;
  const alone = [first];
  for (let i = 1; i < (slow ? 2 : images.length); i++) alone.push(await one(i));
  const scale = largest(alone);
  const fixed = model.dynamicBatch ? undefined : model.graph.inputs[0]!.dims[0]!;
  // Something may depend on how many images there are.
  const many = (order: (i: number) => number) => Array.from({ length: most }, (_, i) => order(i));
  const orders = slow ? [many(i => (i + 1) % 2), [1, 0]] : [[0, 1, 2], many(i => (3 * i + 2) % 4), [3, 0]];
  let [batchError, neighbourError] = [0, 0];
  for (const [k, order] of fixed === 1 ? [] : orders.entries()) {
    const rows = fixed === undefined ? order : Array.from({ length: fixed }, (_, i) => order[i % order.length]!);
    const together = await run(rows, images);
    for (const [row, i] of rows.entries()) {
      batchError = Math.max(batchError, difference(together[row]!, alone[i]!) / scale);
    }
    if (k < orders.length - 1) continue;
    for (const contrast of slow ? [100] : [100, -100]) {
      const beside = await run(
        rows,
        images.map((image, i) => (i === 0 ? image : image.map(v => contrast * v))),
      );
      const moved = rows.map((i, row) => (i === 0 ? difference(beside[row]!, together[row]!) / scale : 0));
      neighbourError = Math.max(neighbourError, ...moved);
    }
  }
  return { alone, repeatError: difference(first, again) / scale, batchError, neighbourError };
}

/** How much slower a pass may be here than where it is tuned: here ONNX Runtime does not optimise, and has just begun. */
const SLOWER_HERE = 8;

/** Images of the largest pass that will be made: what is wished, or the most that tuning may try on a model of this speed. */
function mostImages(milliseconds: number, wished: number | undefined): number {
  return wished ?? MICRO_BATCHES.findLast(batch => batch * milliseconds <= SLOWER_HERE * LONGEST_MS) ?? 1;
}

function largest(rows: readonly Float32Array[]): number {
  return Math.max(1e-6, ...rows.flatMap(row => [...row].filter(Number.isFinite).map(Math.abs)));
}

/** The largest difference; NaN and infinities differ from all but themselves. */
function difference(a: Float32Array, b: Float32Array): number {
  let most = a.length === b.length ? 0 : Number.POSITIVE_INFINITY;
  for (let i = 0; i < b.length; i++) {
    if (Object.is(a[i], b[i])) continue;
    const d = Math.abs(a[i]! - b[i]!);
    most = Math.max(most, Number.isNaN(d) ? Number.POSITIVE_INFINITY : d);
  }
  return most;
}

const percent = (share: number) => `${Number((100 * share).toPrecision(2))} %`;

function checkRepeats({ repeatError }: Scores, model: NormalisedModel, { file }: ModelCard): string[] {
  const drawing = model.graph.nodes.filter(n => n.domain === '' && RANDOM.test(n.op));
  const named = drawing.map(n => `'${n.name}' (${n.op})`).join(', ');
  if (repeatError > REPEATS) {
    throw new CtXaiError(
      'MODEL',
      `${file}: the same image gets other scores in each pass (they differ by ${percent(repeatError)} of the largest ` +
        `score)${named === '' ? '' : `: node ${named} draws random numbers`}.`,
      { hint: 'Export the model for inference, without random operators (PyTorch: model.eval()).' },
    );
  }
  if (drawing.length > 0) {
    const moved = repeatError > 0 ? `moved scores by ${percent(repeatError)} of the largest` : 'changed no score';
    return [`It draws random numbers (node ${named}), which ${moved} on test images.`];
  }
  return repeatError > 1e-6 ? [`Two passes of one image differ by ${percent(repeatError)} of the largest score.`] : [];
}

/** Whether images must be run one by one. */
function checkIndependence(
  { batchError, neighbourError, alone }: Scores,
  model: NormalisedModel,
  { file }: ModelCard,
  warnings: string[],
): boolean {
  if (batchError <= INDEPENDENT && neighbourError <= UNMOVED) return false;
  const by = percent(Math.max(batchError, neighbourError));
  const what = `images of one batch change each other's scores, by up to ${by} of the largest score`;
  const fixed = model.dynamicBatch ? undefined : model.graph.inputs[0]!.dims[0]!;
  const hint =
    'Some operator works across the batch, such as a softmax, mean or minimum over dimension 0. Export the model so ' +
    'that it treats each image by itself.';
  if (fixed !== undefined) {
    throw new CtXaiError('MODEL', `${file}: ${what}, and its batch is fixed at ${fixed}.`, { hint });
  }
  if (alone.every(row => difference(row, alone[0]!) <= 1e-6 * largest(alone))) {
    throw new CtXaiError('MODEL', `${file}: ${what}, and alone every image gets the same scores.`, { hint });
  }
  warnings.push(`In this model ${what}. Each image is therefore run in a batch of its own.`);
  return true;
}

/** The file in plain ONNX Runtime: its scores must be the graph's, and what it puts out must be what the card says. */
async function compared(
  { card, pool, headed, untouched }: OpenedGraph,
  images: readonly Float32Array[],
  { alone }: Scores,
): Promise<Judgement> {
  const { model, tail } = headed;
  const claim = { file: card.file, task: card.task, emits: card.emits, explainAt: card.explainAt, tail: tail?.op };
  const ours = alone.map(row => behindTail(row, card.explainAt === 'output' ? undefined : tail?.op));
  const warnings: string[] = [];
  let judged: Judgement | undefined;
  let worst: { error: number; ours: Float32Array; theirs: Float32Array } | undefined;
  for (const source of untouched?.sources() ?? []) {
    const theirs = await outputsOf(source, images.slice(0, alone.length), { pool, model, card, untouched: untouched! });
    if (typeof theirs === 'string') {
      warnings.push(theirs);
      continue;
    }
    judged ??= judgeOutputs(theirs, claim);
    const scale = largest(theirs);
    const errors = theirs.map((row, i) => difference(row, ours[i]!) / scale);
    const error = Math.max(...errors);
    if (error <= SAME_GRAPH) {
      const rounding =
        worst && `In the number formats of its file it gives scores that differ by ${percent(worst.error)}.`;
      return { ...judged, warnings: [...judged.warnings, ...(rounding ? [rounding] : [])] };
    }
    const at = errors.indexOf(error);
    worst ??= { error, ours: ours[at]!, theirs: theirs[at]! };
  }
  judged ??= judgeOutputs(ours, claim);
  if (worst) {
    const shown = (row: Float32Array) =>
      `[${[...row.slice(0, 4)].map(v => v.toPrecision(4)).join(', ')}${row.length > 4 ? ', …' : ''}]`;
    throw new CtXaiError(
      'MODEL',
      `${card.file}: ONNX Runtime gives ${shown(worst.theirs)} on a test image, and this program's form of the graph ` +
        `${shown(worst.ours)}: they differ by ${percent(worst.error)}.`,
      { hint: 'This is a fault of ct-xai-bench: an operator of the file is not read rightly. Please report it.' },
    );
  }
  const unread = untouched
    ? warnings.slice(0, 1).map(why => `It could not be compared with the file itself: ${why}`)
    : [];
  return { ...judged, warnings: [...judged.warnings, ...unread] };
}

/** The file's outputs on each image alone, or why they can't be had. */
async function outputsOf(
  source: SessionSource,
  images: readonly Float32Array[],
  about: { pool: OnnxPool; model: NormalisedModel; card: ModelCard; untouched: Untouched },
): Promise<Float32Array[] | string> {
  const { pool, model, card, untouched } = about;
  try {
    const run = await opened(pool, 'the file itself', source, model, card, untouched);
    const rows: Float32Array[] = [];
    for (let i = 0; i < images.length; i++) rows.push((await run(rowsAlone(model, i), images))[0]!);
    return rows;
  } catch (error) {
    return messageOf(error);
  } finally {
    await pool.drop('the file itself');
  }
}
