import type { ModelCard } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { probeImages } from '../../shared/probe-images.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { imageFeed } from './image-feed.ts';
import type { Feed } from './onnx-messages.ts';
import type { OnnxPool } from './onnx-pool.ts';
import type { Prepared } from './program-sessions.ts';
import type { Program } from './programs.ts';
import { MODES } from './seed.ts';

/** Relative L2 distance between values for an image alone and beside others: a ReLU at 0 may fall either way. */
const INDEPENDENT = 1e-2;

/** Steps of the differences, as shares of the images' standard deviation. */
const STEPS = [1e-2, 2.5e-3];

/** A derivative that differences of those steps confirm is right: only so near is a network with many kinks straight. */
const FINER = [6e-4, 1.5e-4, 4e-5];

/** Two steps must agree that closely for the differences to tell anything, and the derivative must to be right. */
const SMOOTH = 0.02;
const RIGHT = 0.1;
/** The slopes ahead and behind must agree that closely. */
const STRAIGHT = 0.1;
/** Scores are rounded to about this share of themselves: their differences tell of no smaller slope. */
const ROUNDING = 2 ** -20;

/** What is checked, and with what. */
export interface GradientCheck {
  readonly pool: OnnxPool;
  readonly model: NormalisedModel;
  readonly card: ModelCard;
  readonly program: Program;
  readonly prepared: Prepared;
  /** The forward session. */
  readonly forward: { readonly session: string; readonly output: string };
}

/**
 * Whether a program with gradients gives each image what it gets alone. The image's gradient is also compared with
 * differences of the score along two directions, where the network is smooth enough for them to tell.
 * @throws CtXaiError MODEL where they change each other and can't be run alone; LAYER where a layer's rows are not images; OPERATOR where the gradient contradicts the differences.
 */
export async function gradientsIndependent(check: GradientCheck): Promise<boolean> {
  const { model, card, program } = check;
  const images = probeImages(card).slice(0, 3);
  const fixed = model.dynamicBatch ? undefined : model.graph.inputs[0]!.dims[0]!;
  const count = fixed ?? 3;
  // The image stands last; a batch that is fixed is filled up with it where it stands alone.
  const own = count - 1;
  const copies = new Array<number>(fixed ?? 1).fill(0);
  const alone = await ran(check, copies, images);
  const together = await ran(
    check,
    Array.from({ length: count }, (_, i) => (i === own ? 0 : 1 + (i % 2))),
    images,
  );
  let independent = true;
  for (const { name } of program.graph.outputs) {
    requireRows(name, alone[name]!, copies.length, model, program);
    const size = alone[name]!.length / copies.length;
    const [a, b] = [alone[name]!.subarray(0, size), together[name]!.subarray(own * size, (own + 1) * size)];
    if (!(distance(b, a) <= INDEPENDENT)) independent = false;
  }
  const gradient = alone[program.gradients![0]!]!;
  const ofImage =
    program.gradients!.length === 1 && !program.graph.outputs.some(o => isLayerOf(o.name, model, program));
  if (ofImage && !model.straightThrough) {
    const found = await contradiction(check, images[0]!, gradient);
    // An image may lie at a kink, where differences tell nothing: a wrong derivative is wrong on another image too.
    for (let i = 1; found && i < images.length; i++) {
      const other = await ran(check, new Array<number>(fixed ?? 1).fill(i), images);
      if (await contradiction(check, images[i]!, other[program.gradients![0]!]!)) throw found;
    }
  }
  if (!independent && fixed !== undefined && fixed > 1) {
    throw new CtXaiError(
      'MODEL',
      `${card.file}: images of one batch change each other's gradients, and its batch is fixed at ${fixed}.`,
      { hint: 'Export the model with a batch of 1, or of any size. Explainers that need scores only still work.' },
    );
  }
  return independent;
}

/** Whether an output holds a layer's values. */
function isLayerOf(name: string, model: NormalisedModel, program: Program): boolean {
  return name !== model.output && !program.gradients!.includes(name);
}

/** A layer's output must have a row for each image. */
function requireRows(name: string, data: Float32Array, rows: number, model: NormalisedModel, program: Program): void {
  if (!isLayerOf(name, model, program)) return;
  const row = (model.infos.get(name)!.dims.slice(1) as number[]).reduce((a, b) => a * b, 1);
  if (data.length === rows * row) return;
  throw new CtXaiError('LAYER', `layer '${name}' has ${data.length / row} rows for ${rows} image(s).`, {
    hint: "Tiles or tokens are folded into its batch. Choose another: 'ct-xai explain --list-layers' lists them.",
  });
}

/** The unit whose logit is differentiated. */
const UNIT = 0;

async function ran(
  { pool, model, card, program, prepared }: GradientCheck,
  indices: readonly number[],
  images: readonly Float32Array[],
): Promise<Readonly<Record<string, Float32Array>>> {
  const units = model.infos.get(model.output)!.dims[1]!;
  const target = new Float32Array(indices.length * units);
  for (let i = 0; i < indices.length; i++) target[i * units + UNIT] = 1;
  const feeds: Feed[] = [imageFeed(model.input, indices, images, card.input)];
  if (program.target !== undefined) feeds.push({ name: program.target, dims: [indices.length, units], data: target });
  if (program.mode !== undefined) feeds.push({ name: program.mode, dims: [2], data: Float32Array.from(MODES.logit) });
  return (await pool.run(prepared.session, feeds, 1)).outputs;
}

/** ‖a − b‖ / ‖b‖; NaN where only one of them is. */
function distance(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let [difference, norm] = [0, 0];
  for (let i = 0; i < b.length; i++) {
    if (Object.is(a[i], b[i])) continue;
    difference += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / Math.max(norm, 1e-20));
}

/** White noise, and slow waves. */
const DIRECTIONS: readonly ((i: number) => number)[] = [
  i => 2 * (Math.abs(Math.sin(i * 12.9898 + 1) * 43758.5453) % 1) - 1,
  i => Math.sin(i * 0.05 + 0.7) + Math.cos(i * 0.0071),
];

/** How differences of the score contradict the gradient at an image; undefined where they do not, or tell nothing. */
async function contradiction(
  check: GradientCheck,
  x: Float32Array,
  gradient: Float32Array,
): Promise<CtXaiError | undefined> {
  const { card, model } = check;
  // In the card's order of pixels and channels, as the images are.
  const g = fromGraph(gradient.subarray(0, x.length), card.input);
  const norm = Math.sqrt(g.reduce((sum, v) => sum + v * v, 0));
  if (!Number.isFinite(norm)) return undefined;
  const at = await scoreOf(check, x);
  for (const direction of DIRECTIONS) {
    const d = Float32Array.from({ length: x.length }, (_, i) => direction(i));
    const found: number[] = [];
    let [rounding, bend] = [0, 0];
    for (const step of STEPS) {
      const { h, above, below, difference, error } = await differenceAt(check, x, d, step);
      found.push(difference);
      rounding = error;
      bend = Math.abs(above - 2 * at + below) / h;
    }
    const slope = g.reduce((sum, v, i) => sum + v * d[i]!, 0);
    const [coarse, fine] = found as [number, number];
    const scale = Math.max(Math.abs(coarse), Math.abs(fine), norm);
    if (!(Math.abs(coarse - fine) <= SMOOTH * scale) || scale === 0) continue;
    // Ahead and behind the slopes differ: there is a kink at hand, such as a ReLU's, and the mean of both is no derivative.
    if (!(bend <= STRAIGHT * scale + 2 * rounding)) continue;
    const right = RIGHT * Math.max(Math.abs(fine), Math.abs(slope), norm);
    if (Math.abs(fine - slope) <= right + rounding || (await confirmed(check, x, d, slope, norm))) continue;
    return new CtXaiError(
      'OPERATOR',
      `${card.file}: the gradient of '${model.output}' contradicts differences of the score: along one direction it ` +
        `gives ${slope.toPrecision(3)}, and the score changes by ${fine.toPrecision(3)}.`,
      { hint: 'This is a fault of ct-xai-bench: please report it. Explainers that need scores only still work.' },
    );
  }
  return undefined;
}

/** Whether differences of finer steps, as far as rounding lets them tell, are the slope. */
async function confirmed(
  check: GradientCheck,
  x: Float32Array,
  d: Float32Array,
  slope: number,
  norm: number,
): Promise<boolean> {
  for (const step of FINER) {
    const { difference, error } = await differenceAt(check, x, d, step);
    const right = RIGHT * Math.max(Math.abs(difference), Math.abs(slope), norm);
    if (error > right) return false;
    if (Math.abs(difference - slope) <= right) return true;
  }
  return false;
}

/** The central difference of the score along `d`, and how far rounding may have moved it. */
async function differenceAt(check: GradientCheck, x: Float32Array, d: Float32Array, step: number) {
  const h = step * deviation(x);
  const [up, down] = [1, -1].map(s => x.map((v, i) => v + s * h * d[i]!)) as [Float32Array, Float32Array];
  const [above, below] = [await scoreOf(check, up), await scoreOf(check, down)];
  const error = (ROUNDING * Math.max(Math.abs(above), Math.abs(below))) / (2 * h);
  return { h, above, below, difference: (above - below) / (2 * h), error };
}

async function scoreOf({ pool, model, card, forward }: GradientCheck, image: Float32Array): Promise<number> {
  const rows = model.dynamicBatch ? 1 : model.graph.inputs[0]!.dims[0]!;
  const feed = imageFeed(model.input, new Array<number>(rows).fill(0), [image], card.input);
  return (await pool.run(forward.session, [feed], 1)).outputs[forward.output]![UNIT]!;
}

/** One image's values in the graph's layout, as [h, w, c]. */
function fromGraph(values: Float32Array, { channels, layout }: ModelCard['input']): Float32Array {
  if (layout === 'NHWC' || channels === 1) return values;
  const pixels = values.length / channels;
  return Float32Array.from(
    { length: values.length },
    (_, i) => values[(i % channels) * pixels + Math.floor(i / channels)]!,
  );
}

function deviation(values: Float32Array): number {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length) || 1;
}
