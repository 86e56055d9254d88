import { CtXaiError } from '../../../core/errors.ts';
import { sizeOf } from '../../../core/tensor.ts';
import type { Graph, ValueInfo } from '../graph/graph.ts';
import { renamed } from '../graph/rename.ts';
import type { ImageAxes } from './image-axes.ts';

/** Whether an input takes images as rows of values, [images, values], as dense networks and scikit-learn have them. */
export function takesRows({ dims }: ValueInfo): boolean {
  return dims.length === 2;
}

/**
 * The graph for images where its one input takes rows of values: it flattens them first.
 * @param image the dims of one image, as many values as the rows have
 */
export function flatteningFirst(graph: Graph, image: readonly number[]): Graph {
  const input = graph.inputs[0]!;
  const rows = `${input.name} as rows of values`;
  const file = renamed(graph, new Map([[input.name, rows]]));
  const flatten = { op: 'Flatten', domain: '', name: rows, inputs: [input.name], outputs: [rows], attrs: {} };
  return {
    ...file,
    nodes: [flatten, ...file.nodes],
    inputs: [{ ...input, dims: [input.dims[0]!, ...image] }],
  };
}

/** Fewer pixels along a side are rather a table of features than an image. */
const LEAST_SIDE = 8;

/** An image's axes as the number of its values suggests them, and in words that it is a guess. */
export interface GuessedAxes extends ImageAxes {
  readonly channels: number;
  readonly size: readonly [number, number];
  readonly guess: string;
}

/**
 * What images may be that an input takes as rows of values: squares of 1 or of 3 channels, where their number allows it.
 * @throws CtXaiError MODEL where it does not
 */
export function guessedAxes({ name, dims }: ValueInfo, producer: string | undefined, file: string): GuessedAxes {
  const values = dims[1] ?? undefined;
  const channels = [1, 3].find(count => Number.isInteger(Math.sqrt((values ?? Number.NaN) / count)));
  const side = Math.sqrt((values ?? 0) / (channels ?? 1));
  if (values === undefined || channels === undefined || side < LEAST_SIDE) {
    const what = values === undefined ? 'rows of values, and does not say how many' : `rows of ${values} values`;
    throw new CtXaiError(
      'MODEL',
      `${file}: its input '${name}' takes ${what}: which size and channels the images have can't be told from that.`,
      { hint: "Write a card that says them: 'input: { size: [rows, columns], channels: … }'." },
    );
  }
  // PyTorch has channels first; Keras and scikit-learn flatten images as files of images are read.
  const layout = producer === 'pytorch' || channels === 1 ? 'NCHW' : 'NHWC';
  const order = channels === 1 ? '' : `, channels ${layout === 'NCHW' ? 'first' : 'last'},`;
  const guess =
    `The file's input '${name}' takes rows of ${values} values. That these are images of ${side} × ${side} pixels and ` +
    `${channels} channel${channels === 1 ? '' : 's'}${order} is a guess from their number.`;
  return { layout, channels, size: [side, side], guess };
}

/** What the card says of images. */
type CardSize = { readonly file: string; readonly size: readonly number[]; readonly channels: number };

/** @throws CtXaiError CARD where images of the card's size and channels are not as many values as the input takes */
export function checkRows({ name, dims }: ValueInfo, card: CardSize): void {
  const values = dims[1] ?? null;
  if (values === null || values === valuesOf(card)) return;
  throw wrongSize(card, `the file's input '${name}' takes rows of ${values}.`);
}

/** Of an input that does not say how many values it takes, the fault that the card's number of them may be. */
export function notOfRows({ name, dims }: ValueInfo, error: unknown, card: CardSize): unknown {
  if (dims[1] !== null || !(error instanceof CtXaiError)) return error;
  return wrongSize(card, `the file's input '${name}' does not say how many it takes. ${error.message}`, error);
}

const valuesOf = ({ size, channels }: CardSize) => sizeOf([...size, channels]);

function wrongSize(card: CardSize, what: string, cause?: unknown): CtXaiError {
  const { file, size, channels } = card;
  return new CtXaiError(
    'CARD',
    `${file}: the card says images of ${size.join(' × ')} pixels and ${channels} channel${channels === 1 ? '' : 's'}, ` +
      `which are ${valuesOf(card)} values; ${what}`,
    {
      hint: "Set the card's input: size and channels so that rows × columns × channels is the number of its training.",
      cause,
    },
  );
}
