import { beforeAll, describe, expect, it } from 'vitest';
import type { Batch, ChangesWorth } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { ChangedRegions, type ChangedRegionsParts } from '../../../src/engines/onnx/changes/changed-regions.ts';
import { attr, constant, DType, type Graph, GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { loadModel, type NormalisedModel } from '../../../src/engines/onnx/load/load-model.ts';
import type { OnnxPool } from '../../../src/engines/onnx/session/onnx-pool.ts';

const SIZE = 128;

/** Three convolutions of many channels: work that lies where a change has not spread far. */
function network(): Graph {
  const b = new GraphBuilder({ opset: 17, taken: ['image'] });
  const weights = (...dims: number[]) =>
    b.constant(constant.float(dims, new Float32Array(dims.reduce((p, d) => p * d, 1)).fill(0.1)));
  let [x, channels] = ['image', 1];
  for (const to of [64, 64, 64]) {
    x = b.op('Relu', [b.op('Conv', [x, weights(to, channels, 3, 3)], { pads: attr.ints([1, 1, 1, 1]) })]);
    channels = to;
  }
  const scores = b.op('Gemm', [b.op('Flatten', [b.op('GlobalAveragePool', [x])]), weights(channels, 2), weights(2)]);
  return {
    opset: 17,
    nodes: b.nodes,
    constants: b.constants,
    inputs: [{ name: 'image', dtype: DType.float, dims: [null, 1, SIZE, SIZE] }],
    outputs: [{ name: scores, dtype: DType.float, dims: [null, 2] }],
  };
}

let model: NormalisedModel;
beforeAll(async () => {
  model = await loadModel(network(), { file: 'large', size: [SIZE, SIZE], channels: 1, layout: 'NCHW', classes: 2 });
});

/** What a model is asked, and how: nothing is computed. */
function regions({ workers = 2, known = {} }: { workers?: number; known?: Record<number, ChangesWorth> } = {}) {
  const verdicts = new Map(Object.entries(known).map(([side, worth]) => [Number(side), worth]));
  const asked = { whole: 0, measured: [] as number[] };
  const changed = new Map<string, number>();
  const parts: ChangedRegionsParts = {
    ...{ model, workers, microBatch: 1, image: { height: SIZE, width: SIZE, channels: 1, layout: 'NCHW' } },
    remembered: {
      recall: side => verdicts.get(side),
      remember: (side, worth) => {
        asked.measured.push(side);
        verdicts.set(side, worth);
      },
    },
    pool: {
      keep: async () => undefined,
      forget: async () => undefined,
      changed: async ({ name, images }: { name: string; images: Float32Array }) => {
        const count = images.length / (SIZE * SIZE);
        changed.set(name, (changed.get(name) ?? 0) + count);
        return { raw: new Float32Array(2 * count) };
      },
    } as unknown as OnnxPool,
    open: async (program, name) => ({ session: name, program, settings: { microBatch: 1, workers, threads: 1 } }),
    drop: async () => undefined,
    forward: async (batch, consume) => {
      for (let i = 0; i < batch.count; i++) {
        batch.write(i, new Float32Array(SIZE * SIZE));
        consume(i, new Float32Array(2));
      }
      asked.whole += batch.count;
    },
  };
  const under = new ChangedRegions(parts);
  /** How a batch is run: with the squares of which side, or whole. */
  const run = async (batch: Batch): Promise<string> => {
    const before = new Map(changed);
    let next = 0;
    await under.forward(batch, i => expect(i).toBe(next++));
    expect(next).toBe(batch.count);
    return [...changed.keys()].find(name => (changed.get(name) ?? 0) > (before.get(name) ?? 0)) ?? 'whole';
  };
  return { run, asked, worth: (side: number) => under.worth(side, new Float32Array(SIZE * SIZE)) };
}

/** Images that differ in a square of a side from the first one, or each from the one before; each is asked for once. */
function squares(count: number, side: number, from: 'first' | 'before' = 'first'): Batch {
  const rng = createRng(`${count} ${side}`);
  const places = Array.from({ length: count }, () => [rng.int(SIZE - side + 1), rng.int(SIZE - side + 1)] as const);
  let next = 0;
  return {
    count,
    write(i, out) {
      expect(i).toBe(next++);
      out.fill(0);
      for (let k = from === 'first' ? i : 1; k <= i; k++) {
        const [top, left] = places[k]!;
        if (k > 0) for (let y = top; y < top + side; y++) out.fill(1 + k, y * SIZE + left, y * SIZE + left + side);
      }
    },
  };
}

describe('how a batch of images is run', () => {
  it('whole until as many images have come as measuring takes, and then as was measured', async () => {
    const { run, asked } = regions();
    expect(await run(squares(36, 30))).toBe('whole');
    expect(await run(squares(36, 30))).toBe('whole');
    expect(asked.measured).toEqual([]);
    expect(asked.whole).toBe(72);
    await run(squares(36, 30));
    // The pass of this model takes no time.
    expect(asked.measured).toEqual([32]);
    expect(await run(squares(400, 30))).toBe('whole');
    expect(asked.measured).toEqual([32]);
  });

  it('in what changed from the first small batch on, where it is known that this pays', async () => {
    const known = { 32: { faster: 2 }, 16: { reason: 'it is 1.02 times as fast only' } };
    const { run, asked } = regions({ known });
    expect(await run(squares(36, 30))).toBe('changes of 32 px');
    expect(await run(squares(36, 30, 'before'))).toBe('changes of 32 px');
    expect(await run(squares(400, 16))).toBe('whole');
    expect(await run(squares(7, 30))).toBe('whole');
    expect(asked).toEqual({ whole: 407, measured: [] });
  });

  it('whole where the base image, which each worker computes, costs what is saved', async () => {
    const known = { 32: { faster: 1.5 } };
    const few = regions({ known, workers: 2 });
    const many = regions({ known, workers: 16 });
    for (const { run } of [few, many]) expect(await run(squares(400, 32))).toBe('changes of 32 px');
    expect(await few.run(squares(24, 32))).toBe('changes of 32 px');
    expect(await many.run(squares(24, 32))).toBe('whole');
    // Each piece of a path begins with a whole image.
    expect(await few.run(squares(16, 32))).toBe('changes of 32 px');
    expect(await few.run(squares(16, 32, 'before'))).toBe('whole');
  });

  it('whole where most images differ in more than half of the side', async () => {
    const { run } = regions({ known: { 96: { faster: 2 }, 64: { faster: 2 } } });
    expect(await run(squares(100, 64))).toBe('changes of 64 px');
    expect(await run(squares(100, 65))).toBe('whole');
  });

  it('whole whatever changes, once a pass is known to be too short', async () => {
    const known = { 32: { reason: 'one pass takes 0.9 ms only', anySide: true }, 16: { faster: 2 } } as const;
    const { run } = regions({ known });
    expect(await run(squares(100, 16))).toBe('changes of 16 px');
    expect(await run(squares(100, 32))).toBe('whole');
    expect(await run(squares(100, 16))).toBe('whole');
  });

  it('with squares of a larger side that are kept, where three sides are', async () => {
    const known = Object.fromEntries([8, 16, 24, 32, 48].map(side => [side, { faster: 3 }]));
    const { run, worth } = regions({ known });
    for (const side of [8, 24, 32]) expect(await run(squares(100, side))).toBe(`changes of ${side} px`);
    expect(await run(squares(100, 16))).toBe('changes of 24 px');
    expect(await run(squares(100, 48))).toBe('whole');
    expect(await worth(48)).toEqual({ reason: 'squares of other sizes are kept ready' });
  });
});
