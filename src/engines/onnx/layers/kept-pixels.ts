import type { Layout } from '../../shared/layer-map.ts';
import type { PixelGrid } from '../../shared/pixel-grid.ts';
import { type Node, numbersOf, read } from '../graph/graph.ts';
import type { NormalisedModel } from '../load/load-model.ts';

/** Which axes of a tensor are the image's rows and columns. */
type Axes = readonly [rows: number, columns: number];

/** A cell sees the pixels around its place: convolutions, windows, enlarging; [n, c, h, w]. */
const AROUND: ReadonlySet<string> = new Set([
  ...['Conv', 'ConvTranspose', 'MaxPool', 'AveragePool', 'LpPool', 'Resize', 'DepthToSpace', 'SpaceToDepth', 'Pad'],
]);

/** A cell sees the same cell of its first input, and perhaps what all cells have in common. */
const IN_PLACE: ReadonlySet<string> = new Set([
  ...['Relu', 'LeakyRelu', 'ThresholdedRelu', 'Elu', 'Selu', 'Celu', 'Clip', 'Sigmoid', 'HardSigmoid', 'Tanh', 'Erf'],
  ...['Softplus', 'Softsign', 'Silu', 'QuickGelu', 'Gelu', 'HardSwish', 'Mish', 'Abs', 'Exp', 'Log', 'Neg', 'Sqrt'],
  ...['Identity', 'Dropout', 'Cast', 'BatchNormalization', 'InstanceNormalization', 'GroupNormalization'],
  ...['LayerNormalization', 'RMSNormalization', 'LpNormalization', 'LRN'],
]);

/** Cell by cell, smaller tensors repeated. */
const CELL_BY_CELL: ReadonlySet<string> = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Max', 'Min', 'Sum', 'Mean', 'Pow', 'PRelu'],
]);

/** A border of more than this share would shift cells. */
const LARGEST_BORDER = 0.25;

/**
 * Tensors whose rows and columns are the image's by the operators that lead to them, and their grids. A measurement tells
 * it where cells see few pixels; in small images a cell of a late layer may see all of them, though it lies at its place.
 */
export function keptPixels(
  model: Pick<NormalisedModel, 'graph' | 'infos' | 'values' | 'input'>,
  layout: Layout,
): ReadonlyMap<string, PixelGrid> {
  const kept = new Map<string, Axes>([[model.input, layout === 'NCHW' ? [2, 3] : [1, 2]]]);
  const walk = new Walk(model, kept);
  for (const node of model.graph.nodes) {
    const axes = walk.axesAfter(node);
    if (!axes) continue;
    // Where there is but one row or column left, nothing after it has places.
    for (const name of node.outputs) if (axes.every(axis => walk.dims(name)[axis] !== 1)) kept.set(name, axes);
  }
  const found = new Map<string, PixelGrid>();
  for (const [name, [rows]] of kept) {
    const own = walk.dims(name).slice(1);
    if (own.length !== 3 || own.includes(null)) continue;
    const wanted: Layout = rows === 2 ? 'NCHW' : 'NHWC';
    const [a, b, c] = own as [number, number, number];
    const grid = wanted === 'NCHW' ? { height: b, width: c, channels: a } : { height: a, width: b, channels: c };
    if (grid.height > 1 && grid.width > 1) found.set(name, { ...grid, layout: wanted });
  }
  return found;
}

class Walk {
  readonly #model: Pick<NormalisedModel, 'infos' | 'values'>;
  readonly #kept: ReadonlyMap<string, Axes>;

  constructor(model: Pick<NormalisedModel, 'infos' | 'values'>, kept: ReadonlyMap<string, Axes>) {
    this.#model = model;
    this.#kept = kept;
  }

  dims(name: string): readonly (number | null)[] {
    return this.#model.infos.get(name)?.dims ?? [];
  }

  /** The axes of rows and columns in what a node makes; undefined where they are lost, or not known. */
  axesAfter(node: Node): Axes | undefined {
    if (CELL_BY_CELL.has(node.op)) return this.#together(node);
    const [first = ''] = node.inputs;
    const axes = this.#kept.get(first);
    if (!axes) return undefined;
    const constant = (i: number) => {
      const value = this.#model.values.get(node.inputs[i] ?? '');
      return value && numbersOf(value);
    };
    const dims = this.dims(first);
    const elsewhere = (axis: number) => !axes.includes(axis < 0 ? axis + dims.length : axis);
    if (AROUND.has(node.op)) return this.#around(node, axes);
    if (IN_PLACE.has(node.op)) return axes;
    switch (node.op) {
      case 'Softmax':
        return elsewhere(read.int(node, 'axis', -1)) ? axes : undefined;
      case 'Split':
        return elsewhere(read.int(node, 'axis', 0)) ? axes : undefined;
      case 'Concat': {
        const alike = node.inputs.every(name => this.#kept.get(name)?.join() === axes.join());
        return alike && elsewhere(read.int(node, 'axis', 0)) ? axes : undefined;
      }
      case 'Slice':
        return constant(3)?.every(elsewhere) ? axes : undefined;
      case 'Transpose': {
        const order = read.ints(node, 'perm');
        const moved = order && axes.map(axis => order.indexOf(axis));
        return moved && moved[0]! < moved[1]! ? [moved[0]!, moved[1]!] : undefined;
      }
      case 'Reshape':
        return this.#reshaped(dims, this.dims(node.outputs[0]!), axes);
      case 'ReduceMean':
      case 'ReduceSum':
      case 'ReduceMax': {
        const over = read.ints(node, 'axes') ?? constant(1);
        return over?.every(elsewhere) && read.int(node, 'keepdims', 1) !== 0 ? axes : undefined;
      }
      default:
        return undefined;
    }
  }

  #around(node: Node, axes: Axes): Axes | undefined {
    const [before, after] = [this.dims(node.inputs[0]!), this.dims(node.outputs[0]!)];
    if (before.length !== 4 || axes[0] !== 2) return undefined;
    if (node.op === 'Resize' && read.string(node, 'coordinate_transformation_mode', '') === 'tf_crop_and_resize') {
      return undefined;
    }
    if (node.op === 'Pad') {
      const grown = axes.map(axis => after[axis]! / before[axis]! - 1);
      if (grown.some(share => !(share >= 0 && share <= LARGEST_BORDER))) return undefined;
    }
    return axes;
  }

  /** Operators of several tensors, aligned at their last axes. */
  #together(node: Node): Axes | undefined {
    const rank = this.dims(node.outputs[0]!).length;
    let found: Axes | undefined;
    for (const name of node.inputs) {
      const dims = this.dims(name);
      const offset = rank - dims.length;
      const own = this.#kept.get(name);
      if (!own) continue;
      const aligned: Axes = [own[0] + offset, own[1] + offset];
      if (found && found.join() !== aligned.join()) return undefined;
      found = aligned;
    }
    if (!found) return undefined;
    // The others have the same for all cells, or are constants.
    const others = node.inputs.filter(name => !this.#kept.has(name) && !this.#model.values.has(name));
    const common = others.every(name => {
      const dims = this.dims(name);
      return found!.every(axis => (dims[axis - (rank - dims.length)] ?? 1) === 1);
    });
    return common ? found : undefined;
  }

  /** Only axes before the rows, or after the columns, are split or joined. */
  #reshaped(before: readonly (number | null)[], after: readonly (number | null)[], axes: Axes): Axes | undefined {
    const [rows, columns] = axes;
    if (columns !== rows + 1) return undefined;
    const same = (a: readonly (number | null)[], b: readonly (number | null)[]) =>
      a.length === b.length && a.every((d, i) => d === b[i]);
    if (after.length > columns && same(before.slice(0, columns + 1), after.slice(0, columns + 1))) return axes;
    const behind = before.length - rows;
    const moved = after.length - behind;
    if (moved < 1 || after[0] !== before[0] || !same(before.slice(rows), after.slice(moved))) return undefined;
    return [moved, moved + 1];
  }
}
