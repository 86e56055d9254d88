import { describe, expect, it } from 'vitest';
import { attr, type GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { atHead, type TailHint } from '../../../src/engines/onnx/load/tail.ts';
import { graphOf, images, runRaw, weights } from './fixtures.ts';

const card: TailHint = { file: 'm.onnx', task: 'softmax', emits: 'probabilities', explainAt: 'logits' };

async function ending(
  units: number,
  build: (b: GraphBuilder, z: string) => string,
  change: Partial<TailHint> = {},
  dims: readonly (number | null)[] = [null, units],
) {
  const graph = graphOf({
    input: [null, 1, 8, 8],
    build(b, x) {
      const kernel = b.constant(weights('k', [units, 1, 8, 8]));
      const z = b.op('Conv', [x, kernel]);
      return [build(b, z), dims];
    },
  });
  const hint = { file: 'm.onnx', size: [8, 8], channels: 1, layout: 'NCHW', classes: units } as const;
  return atHead(await loadModel(graph, hint), { ...card, ...change });
}

const flat = (b: GraphBuilder, z: string) => b.op('Flatten', [z]);

describe('tails', () => {
  const x = images('tail', [2, 1, 8, 8]);

  it.each<[string, (b: GraphBuilder, z: string) => string]>([
    ['a Softmax', (b, z) => b.op('Softmax', [flat(b, z)])],
    ['a LogSoftmax', (b, z) => b.op('LogSoftmax', [flat(b, z)], { axis: attr.int(1) })],
    ['a Softmax before a Flatten', (b, z) => flat(b, b.op('Softmax', [z], { axis: attr.int(1) }))],
    [
      'a Softmax between Reshapes and an Identity',
      (b, z) =>
        b.op('Identity', [b.op('Reshape', [b.op('Softmax', [b.op('Squeeze', [z, b.ints([2, 3])])]), b.ints([-1, 3])])]),
    ],
  ])('%s is cut', async (_, build) => {
    const plain = await ending(3, flat, { emits: 'logits' });
    const { model, head } = await ending(3, build);
    expect(head).toEqual({ task: 'softmax', values: 'logits' });
    expect(model.infos.get(model.output)!.dims).toEqual([null, 3]);
    expect([...(await runRaw(model.graph, x))]).toEqual([...(await runRaw(plain.model.graph, x))]);
  });

  it('is kept where the card explains the output', async () => {
    const { model, head } = await ending(3, (b, z) => b.op('Softmax', [flat(b, z)]), { explainAt: 'output' });
    expect(head.values).toBe('probabilities');
    const p = await runRaw(model.graph, x);
    expect(p.slice(0, 3).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 6);
    const log = await ending(3, (b, z) => b.op('LogSoftmax', [flat(b, z)]), { explainAt: 'output' });
    expect(log.head.values).toBe('logits');
  });

  it('becomes [n, k] whatever shape the scores have', async () => {
    const { model } = await ending(3, (_, z) => z, { emits: 'logits' }, [null, 3, 1, 1]);
    expect(model.infos.get(model.output)!.dims).toEqual([null, 3]);
    const squeezed = (b: GraphBuilder, z: string) => b.op('Squeeze', [b.op('Sigmoid', [z]), b.ints([1, 2, 3])]);
    const unit = await ending(1, squeezed, { task: 'sigmoid' }, [null]);
    expect(unit.model.infos.get(unit.model.output)!.dims).toEqual([null, 1]);
    expect(unit.model.graph.nodes.map(n => n.op)).not.toContain('Sigmoid');
  });

  it('takes no name that a node of the file has, as in files that this program wrote', async () => {
    const { model } = await ending(3, (_, z) => z, { emits: 'logits' }, [null, 3, 1, 1]);
    const made = model.graph.nodes.find(node => node.op === 'Reshape')!;
    const named = graphOf({
      input: [null, 1, 8, 8],
      build: (b, x) => [b.op('Conv', [x, b.constant(weights('k', [3, 1, 8, 8]))]), [null, 3, 1, 1]],
    });
    const graph = { ...named, nodes: named.nodes.map(node => ({ ...node, name: made.name })) };
    const hint = { file: 'm.onnx', size: [8, 8], channels: 1, layout: 'NCHW', classes: 3 } as const;
    const again = atHead(await loadModel(graph, hint), { ...card, emits: 'logits' });
    expect(again.model.graph.nodes.map(node => node.op)).toEqual(['Conv', 'Reshape']);
    expect(await runRaw(again.model.graph, x)).toEqual(await runRaw(named, x));
  });

  it('leaves gates and attention alone', async () => {
    const gated = (b: GraphBuilder, z: string) => b.op('Mul', [flat(b, z), b.op('Sigmoid', [flat(b, z)])]);
    const { model } = await ending(3, gated, { emits: 'logits' });
    expect(model.graph.nodes.map(n => n.op)).toContain('Sigmoid');
  });

  it.each<[string, number, (b: GraphBuilder, z: string) => string, Partial<TailHint>, RegExp]>([
    [
      'a Sigmoid',
      1,
      (b, z) => b.op('Sigmoid', [flat(b, z)]),
      {},
      /'softmax', but the file ends in a Sigmoid over one score/,
    ],
    ['two Sigmoids', 2, (b, z) => b.op('Sigmoid', [flat(b, z)]), {}, /2 scores that do not exclude each other/],
    [
      'a Softmax',
      2,
      (b, z) => b.op('Softmax', [flat(b, z)]),
      { task: 'sigmoid' },
      /'sigmoid', but the file ends in a Softmax/,
    ],
    ['no tail', 2, flat, {}, /no Softmax or Sigmoid was found/],
  ])('contradict the card: %s', async (_, units, build, change, message) => {
    await expect(ending(units, build, change)).rejects.toMatchObject({
      code: 'CARD',
      message: expect.stringMatching(message),
      hint: expect.any(String),
    });
  });
});
