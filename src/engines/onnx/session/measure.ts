import type { ModelCard, ModelMeasurements } from '../../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import {
  type BesideOthers,
  besideOthers,
  difference,
  eachAlone,
  largest,
  mixedOrder,
  mixingOf,
  percent,
  type Run,
  runOf,
} from '../../shared/independence.ts';
import { behindTail, type Judgement, judgeOutputs } from '../../shared/judge-outputs.ts';
import { measuredOutputs } from '../../shared/measured-outputs.ts';
import type { NetworkRunner } from '../../shared/network-runner.ts';
import { probeImages } from '../../shared/probe-images.ts';
import type { SupportedCard } from '../../shared/supported-card.ts';
import { encodeByReference } from '../graph/by-reference.ts';
import { RANDOM } from '../graph/random.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import type { Headed } from '../load/tail.ts';
import type { Untouched } from '../load/untouched.ts';
import { imageFeed } from './image-feed.ts';
import type { OnnxPool } from './onnx-pool.ts';
import { measuringSettings, type SessionSource } from './session-options.ts';
import type { KnownScores } from './verify.ts';

/** What passes of the opened model established, and what follows from it. */
export interface MeasuredModel {
  readonly measurements: ModelMeasurements;
  /** Whether images of a batch change each other's scores: then each is run alone. */
  readonly mixes: boolean;
  /** The most images of one pass with which that was measured. */
  readonly together: number;
}

/** Two passes of one image may differ by rounding in the order of sums, but not by this share of the largest score. */
const REPEATS = 1e-4;
/** How far rounding moves scores between batches of other sizes, and beside other images. */
const ROUNDING = { independent: 1e-3, unmoved: 1e-6 };
/** Two graphs of the same network round differently. */
const SAME_GRAPH = 1e-3;
/** A pass that takes longer, in milliseconds, is made as rarely as possible. */
const SLOW = 25;
/** Batches that are compared with each image alone; the last one is also run with other neighbours. */
const ORDERS = {
  slow: [[1, 0]],
  fast: [
    [0, 1, 2],
    [3, 0],
    [2, 1, 0, 3],
  ],
};

/** What is measured, and on what. */
export interface OpenedGraph {
  readonly headed: Headed;
  readonly card: SupportedCard;
  readonly pool: OnnxPool;
  /** The file as ONNX Runtime itself reads it; absent where a graph stands for it. */
  readonly untouched?: Untouched;
}

/**
 * Runs an opened model on a few synthetic images: one twice, each alone, several together and in another order, and the
 * untouched file beside it.
 * @returns what was found, and the scores of the first image
 * @throws CtXaiError MODEL where scores are drawn at random, where images of a batch that can't be 1 change each
 * other's scores, and where the file itself gives other scores; CARD where the outputs contradict the card.
 */
export async function measure(subject: OpenedGraph): Promise<{ found: MeasuredModel; first: KnownScores }> {
  const { headed, card, pool } = subject;
  const { model } = headed;
  const images = probeImages(card);
  const run = await opened(pool, 'measured', encodeByReference(model.graph), card, {
    ...{ input: model.input, output: model.output, flattens: false },
  });
  try {
    const scores = await scored(run, images, subject);
    const repeats = checkRepeats(scores, model, card);
    const mixing = mixingOf(scores, batchOf(model, card.file));
    const { warnings: doubts, ...outputs } = await measuredOutputs({
      ...{ card, images, tail: headed.tail, alone: scores.alone },
      judged: await compared(subject, images, scores),
      scoresOf: async image => (await run(rowsAlone(model, 0), [image]))[0]!,
    });
    const warnings = [...repeats, ...(mixing === undefined ? [] : [mixing]), ...doubts];
    const { repeatError, batchError } = scores;
    const measurements = { repeatError, batchError, ...outputs };
    const found = {
      measurements: { ...measurements, ...(warnings.length > 0 ? { warnings } : {}) },
      mixes: mixing !== undefined,
      together: scores.together,
    };
    const image = () => imageFeed(model.input, rowsAlone(model, 0), images, card.input);
    return { found, first: { image, scores: scores.alone[0]! } };
  } finally {
    await pool.drop('measured');
  }
}

/**
 * Measures batches as large as those that are run, where they are larger than what was measured: a network may mix images
 * only where there are many.
 * @param images of one pass
 * @throws CtXaiError MODEL where images change each other's scores and have no meaning alone
 */
export async function measureLarge(
  known: MeasuredModel,
  runner: Pick<NetworkRunner, 'forward'>,
  { headed, card }: Pick<OpenedGraph, 'headed' | 'card'>,
  count: number,
): Promise<MeasuredModel> {
  const run = runOf(runner);
  const images = probeImages(card);
  const found = await besideOthers(run, images, await eachAlone(run, images), [mixedOrder(count)], [100]);
  const mixing = mixingOf(found, batchOf(headed.model, card.file));
  const { batchError, warnings = [] } = known.measurements;
  const measurements = {
    ...known.measurements,
    batchError: Math.max(batchError, found.batchError),
    ...(mixing === undefined ? {} : { warnings: [mixing, ...warnings] }),
  };
  return { measurements, mixes: mixing !== undefined, together: count };
}

/** Of a batch, what tells whether its images are independent. */
function batchOf(model: NormalisedModel, file: string) {
  return { file, fixed: model.dynamicBatch ? undefined : model.graph.inputs[0]!.dims[0]!, ...ROUNDING };
}

interface Scores extends BesideOthers {
  readonly repeatError: number;
  /** The most images of one pass. */
  readonly together: number;
}

async function opened(
  pool: OnnxPool,
  session: string,
  source: SessionSource,
  card: ModelCard,
  { input, output, flattens }: Pick<Untouched, 'input' | 'output' | 'flattens'>,
): Promise<Run> {
  await pool.open(session, source, measuringSettings(), 1);
  return async (indices, images) => {
    const image = imageFeed(input, indices, images, card.input);
    const { length } = indices;
    const feed = flattens ? { ...image, dims: [length, image.data.length / length] } : image;
    const { outputs } = await pool.run(session, [feed], 1, undefined, [output]);
    const all = outputs[output]!;
    const units = all.length / length;
    return indices.map((_, i) => all.slice(i * units, (i + 1) * units));
  };
}

/** The rows of a pass that tells of image `i` alone. */
function rowsAlone(model: NormalisedModel, i: number): number[] {
  return new Array<number>(model.dynamicBatch ? 1 : model.graph.inputs[0]!.dims[0]!).fill(i);
}

async function scored(run: Run, images: readonly Float32Array[], { headed: { model } }: OpenedGraph): Promise<Scores> {
  const one = async (i: number) => (await run(rowsAlone(model, i), images))[0]!;
  const first = await one(0);
  const between = performance.now();
  const again = await one(0);
  const slow = performance.now() - between > SLOW;
  const alone = [first];
  for (let i = 1; i < (slow ? 2 : images.length); i++) alone.push(await one(i));
  const fixed = model.dynamicBatch ? undefined : model.graph.inputs[0]!.dims[0]!;
  const orders = (fixed === 1 ? [] : slow ? ORDERS.slow : ORDERS.fast).map(order =>
    fixed === undefined ? order : Array.from({ length: fixed }, (_, i) => order[i % order.length]!),
  );
  const found = await besideOthers(run, images, alone, orders, slow ? [100] : [100, -100]);
  const together = Math.max(1, ...orders.map(order => order.length));
  return { ...found, together, repeatError: difference(first, again) / largest(alone) };
}

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
    const run = await opened(pool, 'the file itself', source, card, untouched);
    const rows: Float32Array[] = [];
    for (let i = 0; i < images.length; i++) rows.push((await run(rowsAlone(model, i), images))[0]!);
    return rows;
  } catch (error) {
    return messageOf(error);
  } finally {
    await pool.drop('the file itself');
  }
}
