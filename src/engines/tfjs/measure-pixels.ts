import { sizeOf } from '../../core/tensor.ts';
import { changedImages } from '../shared/changed-images.ts';
import {
  hasFewCells,
  OTHER_PLACES,
  PLACES,
  type Place,
  pixelGrid,
  possibleGrids,
  UNRELATED,
} from '../shared/pixel-grid.ts';
import { probeImages } from '../shared/probe-images.ts';
import type { SupportedCard } from '../shared/supported-card.ts';
import type { OutlineStep } from './network/outline.ts';
import type { Shapes } from './network/tfjs-layers.ts';
import type { TfjsExecutor } from './tfjs-executor.ts';

/** A cell sees the pixels around its place, or the same cell of what leads to it: of layers, then of TensorFlow's graphs. */
const KEEPING: ReadonlySet<string> = new Set([
  ...[
    'Conv2D',
    'DepthwiseConv2D',
    'SeparableConv2D',
    'Conv2DTranspose',
    'MaxPooling2D',
    'AveragePooling2D',
    'UpSampling2D',
  ],
  ...['BatchNormalization', 'LayerNormalization', 'Activation', 'ReLU', 'LeakyReLU', 'ELU', 'PReLU', 'ThresholdedReLU'],
  ...[
    'Softmax',
    'Add',
    'Subtract',
    'Multiply',
    'Average',
    'Maximum',
    'Minimum',
    'Concatenate',
    'ZeroPadding2D',
    'Rescaling',
  ],
  ...[
    '_FusedConv2D',
    'FusedDepthwiseConv2dNative',
    'DepthwiseConv2dNative',
    'BiasAdd',
    'AddV2',
    'AddN',
    'Sub',
    'Mul',
    'RealDiv',
  ],
  ...[
    'MaxPool',
    'AvgPool',
    'FusedBatchNorm',
    'FusedBatchNormV2',
    'FusedBatchNormV3',
    'ConcatV2',
    'Pad',
    'PadV2',
    'Identity',
  ],
  ...[
    'Relu',
    'Relu6',
    'LeakyRelu',
    'Prelu',
    'Elu',
    'Selu',
    'Sigmoid',
    'Tanh',
    'Softplus',
    'ResizeBilinear',
    'Conv2DBackpropInput',
  ],
  ...['ResizeNearestNeighbor', 'Maximum', 'Minimum', 'Exp', 'Sqrt', 'Rsqrt', 'Erf'],
]);

/** Values of layers that are fetched at once. */
const MOST_VALUES = 2 ** 24;

/** Layers whose cells are those of the image by the operators that lead to them. */
function keptPixels(steps: readonly OutlineStep[], shapes: Shapes): ReadonlySet<string> {
  const kept = new Set<string>();
  for (const { name, operator, inputs } of steps) {
    // What has no pixels is the same for all cells, as the gates of squeeze and excitation are.
    const from = inputs.filter(input => kept.has(input) || hasCells(shapes[input]));
    const keeps = from.length > 0 && KEEPING.has(operator) && from.every(input => kept.has(input));
    if (operator === 'Input' || keeps) kept.add(name);
  }
  return kept;
}

const hasCells = (shape: readonly number[] | undefined) => shape?.length === 3 && shape[0]! * shape[1]! > 1;

/**
 * Why values of the shape [rows, columns, channels] do not lie over the image's pixels, by layer; those that are not
 * named do. The image is changed in four places, and it is seen which cells change; in four more where there are few
 * cells. In small images a cell of a late layer may see all pixels, though it lies at its place: there the operators
 * before it tell.
 */
export async function withoutPixels(
  runner: TfjsExecutor,
  { steps, shapes }: { readonly steps: readonly OutlineStep[]; readonly shapes: Shapes },
  card: SupportedCard,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const kept = keptPixels(steps, shapes);
  for (const places of [PLACES, OTHER_PLACES]) {
    const images = [...changedImages(card, places), probeImages(card)[0]!];
    const batch = { count: images.length, write: (i: number, out: Float32Array) => out.set(images[i]!) };
    const names = Object.keys(shapes).filter(name => {
      const [height, width] = shapes[name] as [number, number];
      return (
        hasCells(shapes[name]) &&
        (places === PLACES || (hasFewCells({ height, width }) && !kept.has(name) && !found.has(name)))
      );
    });
    for (const layers of parts(names, name => images.length * sizeOf(shapes[name]!))) {
      const values: Float32Array[][] = layers.map(() => []);
      await runner.activations(
        batch,
        layers,
        (i, all) => {
          for (const [k, own] of all.entries()) values[k]![i] = own.slice();
        },
        signal,
      );
      for (const [k, name] of layers.entries()) {
        const reason = whyNot(shapes[name]!, values[k]!, card.input.size, places, kept.has(name));
        if (reason !== undefined && !(reason === UNRELATED && kept.has(name))) found.set(name, reason);
      }
    }
  }
  return found;
}

/** Names side by side as long as what they take is little. */
function parts(names: readonly string[], size: (name: string) => number): string[][] {
  const found: string[][] = [];
  let left = 0;
  for (const name of names) {
    if (left < size(name)) {
      found.push([]);
      left = MOST_VALUES;
    }
    found.at(-1)!.push(name);
    left -= size(name);
  }
  return found;
}

function whyNot(
  shape: readonly number[],
  values: readonly Float32Array[],
  size: readonly [number, number],
  places: readonly Place[],
  kept: boolean,
): string | undefined {
  const [height, width, channels] = shape as readonly [number, number, number];
  const grids = possibleGrids(shape, size, kept ? 'NHWC' : undefined).filter(grid => grid.layout === 'NHWC');
  const unchanged = values[places.length]!;
  const changes = places.map((_, place) => {
    const cells = new Float32Array(height * width);
    for (const [at, v] of values[place]!.entries()) cells[Math.floor(at / channels)]! += Math.abs(v - unchanged[at]!);
    return cells;
  });
  const grid = pixelGrid(
    grids,
    grids.map(() => changes),
    places,
  );
  return typeof grid === 'string' ? grid : undefined;
}
