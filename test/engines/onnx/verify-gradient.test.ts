import { afterAll, describe, expect, it } from 'vitest';
import { attr, constant, GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { OnnxPool } from '../../../src/engines/onnx/session/onnx-pool.ts';
import { forwardProgram, gradientProgram, type Program } from '../../../src/engines/onnx/session/programs.ts';
import { gradientsIndependent } from '../../../src/engines/onnx/session/verify-gradient.ts';
import { probeImages } from '../../../src/engines/shared/probe-images.ts';
import { cardFor, graphOf, smallNet, weights } from './fixtures.ts';

const pool = new OnnxPool(1);
afterAll(() => pool.close());

const card = cardFor('m.onnx', { classes: ['a', 'b', 'c'] });
const hint = { file: 'm.onnx', size: [8, 8], channels: 1, layout: 'NCHW', classes: 3 } as const;
const head = { task: 'softmax', values: 'logits' } as const;

/** Radians a unit of the image. */
const RIPPLE = 9e4;

let opened = 0;

/** The check of a gradient program of a small network, changed or not. */
async function checked(change: (program: Program) => Program, wrt?: string, graph = smallNet({})): Promise<boolean> {
  const model = await loadModel(graph, hint);
  const program = change(gradientProgram(model, head, [wrt ?? model.input]));
  const settings = { executionProviders: ['cpu'], threads: 1 };
  const [session, forward] = [`gradient ${opened++}`, `forward ${opened}`];
  await pool.open(session, encodeModel(program.graph), settings);
  await pool.open(forward, encodeModel(forwardProgram(model).graph), settings);
  const prepared = { session, settings: { microBatch: 4, workers: 1, threads: 1 } };
  return gradientsIndependent({
    pool,
    model,
    card,
    program,
    prepared,
    forward: { session: forward, output: model.output },
  });
}

/** The program with its gradient put through an operator more. */
function changed(program: Program, op: string, inputs: readonly string[] = []): Program {
  const name = program.gradients![0]!;
  const nodes = program.graph.nodes.map(n => ({ ...n, outputs: n.outputs.map(o => (o === name ? 'right' : o)) }));
  const node = { op, domain: '', name: 'wrong', inputs: ['right', ...inputs], outputs: [name], attrs: {} };
  return { ...program, graph: { ...program.graph, nodes: [...nodes, node] } };
}

describe('a gradient program', () => {
  it('that is right passes', async () => {
    expect(await checked(program => program)).toBe(true);
  });

  it('that gives another derivative is refused', async () => {
    await expect(checked(program => changed(program, 'Mul', ['right', 'right'].slice(0, 1)))).rejects.toThrow(
      /contradicts differences of the score/,
    );
    await expect(checked(program => changed(program, 'Neg'))).rejects.toMatchObject({ code: 'OPERATOR' });
  });

  it('that is right passes where the scores hardly depend on the image, so that rounding hides the differences', async () => {
    const faint = smallNet({});
    const b = new GraphBuilder({ opset: faint.opset, taken: [...faint.constants.keys(), faint.outputs[0]!.name] });
    const little = b.op('Mul', [faint.outputs[0]!.name, b.constant(constant.scalar(1e-7))]);
    const scores = b.op('Add', [little, b.constant(constant.scalar(1))]);
    const outputs = [{ ...faint.outputs[0]!, name: scores }];
    const constants = new Map([...faint.constants, ...b.constants]);
    const graph = { ...faint, nodes: [...faint.nodes, ...b.nodes], constants, outputs };
    expect(await checked(program => program, undefined, graph)).toBe(true);
  });

  it('that is right passes at a kink, where differences are the mean of two slopes', async () => {
    const kink = constant.float([1, 1, 8, 8], probeImages(card)[0]!);
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build(b, x) {
        const rest = b.op('Relu', [b.op('Sub', [x, b.constant(kink)])]);
        const flat = b.op('Flatten', [b.op('Add', [rest, b.op('Mul', [x, b.constant(constant.scalar(0.01))])])]);
        return [b.op('MatMul', [flat, b.constant(weights('w', [64, 3]))]), [null, 3]];
      },
    });
    expect(await checked(program => program, undefined, graph)).toBe(true);
  });

  /** Slopes from −1 to 3, in waves so short that differences of the coarser steps see the mean slope of 1 alone. */
  const rippled = graphOf({
    input: [null, 1, 8, 8],
    build(b, x) {
      const ripple = b.op('Mul', [b.op('Sin', [b.op('Mul', [x, b.scalar(RIPPLE)])]), b.scalar(2 / RIPPLE)]);
      const flat = b.op('Flatten', [b.op('Add', [x, ripple])]);
      return [b.op('MatMul', [flat, b.constant(weights('w', [64, 3]))]), [null, 3]];
    },
  });

  it('that is right passes where the network is straight within a small step only', async () => {
    expect(await checked(program => program, undefined, rippled)).toBe(true);
  });

  it('that gives another derivative is refused there, too', async () => {
    const other = checked(program => changed(program, 'Neg'), undefined, rippled);
    await expect(other).rejects.toThrow(/contradicts differences of the score/);
  });

  it('whose rows are not images is refused', async () => {
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build(b, x) {
        const tiles = b.op('Reshape', [x, b.ints([-1, 1, 4, 4])]);
        const conv = b.op('Conv', [tiles, b.constant(weights('k', [2, 1, 3, 3]))]);
        const flat = b.op('Reshape', [b.op('Tanh', [conv]), b.ints([-1, 32])]);
        return [b.op('MatMul', [flat, b.constant(weights('w', [32, 3]))]), [null, 3]];
      },
    });
    const layer = graph.nodes.find(n => n.op === 'Conv')!.outputs[0]!;
    await expect(checked(program => program, layer, graph)).rejects.toMatchObject({ code: 'LAYER' });
  });

  it('whose images mix is to be run one by one', async () => {
    const graph = graphOf({
      input: [null, 1, 8, 8],
      build(b, x) {
        const spread = b.op('Sub', [x, b.op('ReduceMean', [x], { axes: attr.ints([0, 1, 2, 3]) })]);
        const flat = b.op('Flatten', [b.op('Tanh', [spread])]);
        return [b.op('MatMul', [flat, b.constant(weights('w', [64, 3]))]), [null, 3]];
      },
    });
    expect(await checked(program => program, undefined, graph)).toBe(false);
  });

  it.each([2, 3])('of a file with a batch of %i written into it passes', async batch => {
    const graph = graphOf({
      input: [batch, 1, 8, 8],
      build(b, x) {
        const flat = b.op('Flatten', [b.op('Tanh', [x])]);
        return [b.op('MatMul', [flat, b.constant(weights('w', [64, 3]))]), [batch, 3]];
      },
    });
    expect(await checked(program => program, undefined, graph)).toBe(true);
  });

  it('whose images mix in a batch that is written into the file is refused', async () => {
    const graph = graphOf({
      input: [2, 1, 8, 8],
      build(b, x) {
        const spread = b.op('Sub', [x, b.op('ReduceMean', [x], { axes: attr.ints([0, 1, 2, 3]) })]);
        const flat = b.op('Flatten', [b.op('Tanh', [spread])]);
        return [b.op('MatMul', [flat, b.constant(weights('w', [64, 3]))]), [2, 3]];
      },
    });
    await expect(checked(program => program, undefined, graph)).rejects.toThrow(
      /change each other's gradients, and its batch is fixed at 2/,
    );
  });
});
