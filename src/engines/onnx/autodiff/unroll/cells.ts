import { type Constant, constant, type Node, read } from '../../graph/graph.ts';
import type { DescribedBuilder } from './described-builder.ts';

/** What a recurrent layer remembers from one step to the next; undefined: zeros. */
export interface CellState {
  readonly h: string | undefined;
  readonly c?: string | undefined;
}

/** One direction of a recurrent layer. */
export interface Cell {
  /** [inputs, gates · hidden] */
  readonly input: Constant;
  /** What is added to the input's part, [gates · hidden]. */
  readonly bias: Constant | undefined;
  /** One step. `x`: the input's part with its bias, [n, gates · hidden]. */
  step(b: DescribedBuilder, x: string, state: CellState): Required<Pick<CellState, 'h'>> & CellState;
}

/** Weights of one direction, as ONNX keeps them: gates one below the other. */
export interface CellWeights {
  readonly node: Node;
  readonly hidden: number;
  /** [gates · hidden, inputs] */
  readonly w: Constant;
  /** [gates · hidden, hidden] */
  readonly r: Constant;
  /** [2 · gates · hidden]: of the input, then of the state. */
  readonly bias: Float32Array | undefined;
}

/** Gates, and the activations that a layer has unless it names others. */
export const KINDS: Readonly<
  Record<string, { readonly gates: number; readonly activations: string; cell(weights: CellWeights): Cell }>
> = {
  RNN: { gates: 1, activations: 'Tanh', cell: rnn },
  GRU: { gates: 3, activations: 'Sigmoid Tanh', cell: gru },
  LSTM: { gates: 4, activations: 'Sigmoid Tanh Tanh', cell: lstm },
};

/** Both biases of the gates from `from` to `to`, added up. */
function summed({ bias, hidden, w }: CellWeights, from = 0, to = w.dims[0]! / hidden): Constant | undefined {
  if (!bias) return undefined;
  const all = w.dims[0]!;
  const [start, end] = [from * hidden, to * hidden];
  return constant.float(
    [end - start],
    bias.slice(start, end).map((v, i) => v + bias[all + start + i]!),
  );
}

/** h′ = tanh(W x + R h + b) */
function rnn(weights: CellWeights): Cell {
  const { w, r } = weights;
  return {
    input: turned(w),
    bias: summed(weights),
    step: (b, x, { h }) => ({ h: b.pointwise('Tanh', h ? b.pointwise('Add', x, b.times(h, turned(r))) : x) }),
  };
}

/** Gates in the order input, output, forget, cell: c′ = f c + i tanh(ĉ), h′ = o tanh(c′). */
function lstm(weights: CellWeights): Cell {
  const { w, r } = weights;
  return {
    input: turned(w),
    bias: summed(weights),
    step(b, x, { h, c }) {
      const [i, o, f, cell] = b.split(h ? b.pointwise('Add', x, b.times(h, turned(r))) : x, 4) as [
        string,
        string,
        string,
        string,
      ];
      const added = b.pointwise('Mul', b.pointwise('Sigmoid', i), b.pointwise('Tanh', cell));
      const next = c ? b.pointwise('Add', b.pointwise('Mul', b.pointwise('Sigmoid', f), c), added) : added;
      return { h: b.pointwise('Mul', b.pointwise('Sigmoid', o), b.pointwise('Tanh', next)), c: next };
    },
  };
}

/**
 * Gates in the order update, reset, hidden: h′ = (1 − z) ĥ + z h, with ĥ = tanh(W x + R (r h) + b), or r (R h + b_R) in
 * the place of R (r h) where the layer resets after its linear part.
 */
function gru(weights: CellWeights): Cell {
  const { node, w, r, hidden, bias } = weights;
  const after = read.int(node, 'linear_before_reset', 0) !== 0;
  const [gates, own] = [rows(r, 0, 2 * hidden), rows(r, 2 * hidden, 3 * hidden)];
  const ownBias = bias && after ? constant.float([hidden], bias.slice(5 * hidden, 6 * hidden)) : undefined;
  const both = summed(weights);
  const input =
    both && after
      ? constant.float(
          both.dims,
          (both.data as Float32Array).map((v, i) => (i < 2 * hidden ? v : bias![i]!)),
        )
      : both;
  return {
    input: turned(w),
    bias: input,
    step(b, x, { h }) {
      const [z, reset, candidate] = b.split(x, 3) as [string, string, string];
      const recurrent = h ? b.split(b.times(h, turned(gates)), 2) : [];
      const gate = (part: string, i: number) =>
        b.pointwise('Sigmoid', h ? b.pointwise('Add', part, recurrent[i]!) : part);
      const [update, r1] = [gate(z, 0), gate(reset, 1)];
      const shift = ownBias && b.constant(ownBias);
      let linear: string | undefined;
      if (after) {
        const state = h && b.times(h, turned(own));
        const biased = state && shift ? b.pointwise('Add', state, shift) : state;
        if (biased) linear = b.pointwise('Mul', r1, biased);
        else if (shift) linear = b.pointwise('Mul', r1, shift);
      } else if (h) linear = b.times(b.pointwise('Mul', r1, h), turned(own));
      const made = b.pointwise('Tanh', linear ? b.pointwise('Add', candidate, linear) : candidate);
      const kept = b.pointwise('Sub', made, b.pointwise('Mul', update, made));
      return { h: h ? b.pointwise('Add', kept, b.pointwise('Mul', update, h)) : kept };
    },
  };
}

/** A matrix turned over. */
function turned({ dims, data }: Constant): Constant {
  const [rowCount = 0, columns = 0] = dims;
  const values = data as Float32Array;
  return constant.float(
    [columns, rowCount],
    Float32Array.from(values, (_, i) => values[(i % rowCount) * columns + Math.floor(i / rowCount)]!),
  );
}

function rows({ dims, data }: Constant, from: number, to: number): Constant {
  const columns = dims[1]!;
  return constant.float([to - from, columns], (data as Float32Array).slice(from * columns, to * columns));
}
