import { CtXaiError } from '../../../core/errors.ts';
import { sizeOf } from '../../../core/tensor.ts';
import { DType, type Graph, typeName, type ValueInfo } from '../graph/graph.ts';
import { pruned, readBy } from '../graph/walk.ts';
import { takesRows } from './flattened.ts';

/** How the axes of an image input lie, as far as its declaration tells. */
export interface ImageAxes {
  readonly layout: 'NCHW' | 'NHWC';
  /** null: any. */
  readonly channels: number | null;
  /** Rows and columns; null: any. */
  readonly size: readonly (number | null)[];
}

/** Values of an image that one tensor can hold. */
const MOST_VALUES = 2 ** 29;

const OF_PYTORCH =
  'Export the network with the others fixed: in PyTorch, export a module whose forward(image) calls the network with the ' +
  'image and constants.';

/** tf2onnx leaves constants behind as inputs, without their values. */
const OF_KERAS =
  'tf2onnx may have left a constant of the network behind as an input, without its value. Name the network as Keras saves ' +
  "it, model.save('model.keras'), in the card's 'file' instead; or fix the other inputs before the export.";

/**
 * The one input of a graph in float32 throughout that something depends on. What no node reads is left aside.
 * @param wanted names of the outputs that matter; default: all
 * @throws CtXaiError MODEL where it has none or several, or takes integers or text
 */
export function onlyInput(graph: Graph, file: string, wanted = graph.outputs.map(output => output.name)): ValueInfo {
  const read = new Set([...wanted, ...pruned(graph, wanted).nodes.flatMap(readBy)]);
  const needed = graph.inputs.filter(({ name }) => read.has(name));
  const [input, ...others] = needed.length > 0 ? needed : graph.inputs;
  if (!input) {
    throw new CtXaiError('MODEL', `${file}: it has no input, so that it gives the same scores for all images.`, {
      hint: 'Export the network again, with the image as an argument of its forward pass.',
    });
  }
  if (others.length > 0) {
    const names = [input, ...others].map(({ name, dims }) => `'${name}' ${shown(dims)}`).join(', ');
    throw new CtXaiError('MODEL', `${file}: it has ${others.length + 1} inputs (${names}); one image is expected.`, {
      hint: graph.producer === 'tf2onnx' ? OF_KERAS : OF_PYTORCH,
    });
  }
  if (input.dtype !== DType.float) throw noFloats(input, file);
  return input;
}

const shown = (dims: ValueInfo['dims']) => `[${dims.map(d => d ?? '?').join(', ')}]`;

/**
 * The axes of an input that takes images.
 * @throws CtXaiError MODEL naming what the input is instead: a volume, tokens, integers.
 */
export function imageAxes(input: ValueInfo, file: string): ImageAxes {
  const { dims } = input;
  if (dims.length !== 0) requireImages(input, file);
  const [, a = null, b = null, c = null] = dims;
  const isChannels = (d: number | null) => d === 1 || d === 3;
  const last = isChannels(c) && !isChannels(a);
  return last ? { layout: 'NHWC', channels: c, size: [a, b] } : { layout: 'NCHW', channels: a, size: [b, c] };
}

/** @throws CtXaiError MODEL where an input has neither the four axes of a batch of images, nor the two of flattened ones. */
export function requireImages(input: ValueInfo, file: string): void {
  const { name, dims } = input;
  const shape = shown(dims);
  if (dims.includes(0)) {
    throw new CtXaiError('MODEL', `${file}: its input '${name}' is ${shape}: one of its sizes is 0.`, {
      hint: 'Export the network again; sizes that may vary are left open (dynamic_axes, dynamic_shapes), not 0.',
    });
  }
  if (sizeOf(dims.slice(1).map(d => d ?? 1)) > MOST_VALUES) {
    throw new CtXaiError('MODEL', `${file}: its input '${name}' is ${shape}: such an image does not fit into memory.`, {
      hint: 'Export the network with the size of image that it was trained on.',
    });
  }
  if (dims.length === 4 || takesRows(input)) return;
  if (dims.length === 5) {
    throw new CtXaiError('MODEL', `${file}: its input '${name}' is three-dimensional: ${shape}.`, {
      hint:
        'Networks that take volumes are not supported. Supported are networks of two-dimensional images, ' +
        '[images, channels, rows, columns] or channels last; a 2.5D network of 3 slices as channels is one.',
    });
  }
  throw new CtXaiError('MODEL', `${file}: its input '${name}' is ${shape}, which is no batch of images.`, {
    hint:
      'Supported are inputs of four axes, [images, channels, rows, columns] or channels last, and of two, ' +
      '[images, values], which take each image flattened.',
  });
}

/** An input that takes integers or text. */
function noFloats({ name, dtype }: ValueInfo, file: string): CtXaiError {
  return new CtXaiError('MODEL', `${file}: its input '${name}' takes ${typeName(dtype)}, and not floats.`, {
    hint:
      'Explainers change an image by fractions of a grey level. Export the model so that it takes the image as floats; ' +
      'scaling from 0…255 belongs in the card.',
  });
}
