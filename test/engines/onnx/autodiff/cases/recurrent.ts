import { attr, constant } from '../../../../../src/engines/onnx/graph/graph.ts';
import { type Case, node, spread, weights } from '../harness.ts';

const GATES = { RNN: 1, GRU: 3, LSTM: 4 } as const;
const [STEPS, BATCH, INPUTS, HIDDEN] = [4, 2, 3, 2] as const;

interface Layer {
  readonly direction?: 'forward' | 'reverse' | 'bidirectional';
  readonly bias?: boolean;
  /** Which of the outputs Y, Y_h, Y_c is differentiated. */
  readonly output?: 0 | 1 | 2;
  readonly initial?: boolean;
  readonly attrs?: Record<string, number>;
}

function layer(
  op: keyof typeof GATES,
  note: string,
  { direction = 'forward', bias = true, output = 0, initial = false, attrs = {} }: Layer = {},
): Case {
  const directions = direction === 'bidirectional' ? 2 : 1;
  const rows = GATES[op] * HIDDEN;
  const start = initial ? ['h', ...(op === 'LSTM' ? ['c'] : [])] : [];
  const outputs = ['y', 'last', ...(op === 'LSTM' ? ['cell'] : [])].map((name, i) => (i === output ? name : ''));
  const state = spread([directions, BATCH, HIDDEN], -1, 1, 7);
  return {
    note,
    nodes: [
      node(
        op,
        ['x', 'w', 'r', bias ? 'b' : '', '', ...start],
        { hidden_size: HIDDEN, direction: attr.string(direction), ...attrs },
        outputs.slice(0, output + 1),
      ),
    ],
    of: outputs[output]!,
    inputs: {
      x: spread([STEPS, BATCH, INPUTS]),
      ...(initial ? { h: state } : {}),
      ...(start.length > 1 ? { c: state } : {}),
    },
    constants: {
      w: weights([directions, rows, INPUTS], 3),
      r: weights([directions, rows, HIDDEN], 4),
      ...(bias ? { b: weights([directions, 2 * rows], 5) } : {}),
    },
  };
}

export const recurrent: readonly Case[] = [
  ...(['RNN', 'GRU', 'LSTM'] as const).flatMap(op => [
    layer(op, 'forwards'),
    layer(op, 'backwards', { direction: 'reverse' }),
    layer(op, 'both ways, the last states', { direction: 'bidirectional', output: 1 }),
    layer(op, 'both ways, from a given state', { direction: 'bidirectional', initial: true }),
    layer(op, 'without bias', { bias: false }),
  ]),
  layer('LSTM', 'the last cell', { output: 2 }),
  layer('GRU', 'reset after the linear part', { attrs: { linear_before_reset: 1 } }),
  layer('GRU', 'reset after the linear part, from a given state, without bias', {
    bias: false,
    initial: true,
    attrs: { linear_before_reset: 1 },
  }),
  {
    note: 'rows of an image as steps, dynamic batch',
    nodes: [
      node('Transpose', ['x'], { perm: [1, 0, 2] }, ['steps']),
      node('LSTM', ['steps', 'w', 'r'], { hidden_size: HIDDEN }, ['', 'h']),
      node('Squeeze', ['h', 'axes']),
    ],
    inputs: { x: spread([2, STEPS, INPUTS]) },
    constants: {
      w: weights([1, 4 * HIDDEN, INPUTS], 3),
      r: weights([1, 4 * HIDDEN, HIDDEN], 4),
      axes: constant.ints([0]),
    },
    dynamic: true,
  },
];
