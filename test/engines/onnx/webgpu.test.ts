import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type {
  DeviceTime,
  FullClassifier,
  ModelCard,
  OpenOptions,
  Placement,
} from '../../../src/core/contracts/index.ts';
import { sizeOf, type Tensor } from '../../../src/core/tensor.ts';
import { attr, constant, type GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { OnnxPool } from '../../../src/engines/onnx/session/onnx-pool.ts';
import { GPU_LOCK } from '../../../src/engines/shared/gpu-lock.ts';
import { NO_SOFTWARE_GPU, notSoftware, softwareGpu } from '../../support/software-gpu.ts';
import { testEngine } from '../../support/test-engine.ts';
import {
  cardFor,
  channelsLast,
  difference,
  golden,
  goldenFolder,
  graphOf,
  images,
  smallNet,
  temporary,
  weights,
} from './fixtures.ts';

const missing = softwareGpu() === undefined;
const titled = (name: string) => (missing ? `${name} (skipped: ${NO_SOFTWARE_GPU})` : name);
const folder = temporary();
afterAll(() => folder.remove());

const CLASSES = ['a', 'b', 'c'];
const small = cardFor(folder.write('small.onnx', smallNet({})), { classes: CLASSES });

function batchOf({ shape, data }: Tensor) {
  const size = sizeOf(shape.slice(1));
  return {
    count: shape[0]!,
    write: (i: number, out: Float32Array) => out.set(data.subarray(i * size, (i + 1) * size)),
  };
}

async function using<T>(
  card: ModelCard,
  options: Partial<OpenOptions>,
  use: (model: FullClassifier) => Promise<T>,
): Promise<T> {
  const model = await onnxEngine.open(card, { device: 'webgpu', workers: 1, threads: 1, microBatch: 2, ...options });
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

/** A network whose middle is what `build` makes of [n, 4, 8, 8]. */
function around(name: string, build: (b: GraphBuilder, x: string) => string): ModelCard {
  const graph = graphOf({
    input: [null, 1, 8, 8],
    build(b, image) {
      const conv = b.op('Conv', [image, b.constant(weights('around', [4, 1, 3, 3]))]);
      const flat = b.op('Flatten', [b.op('GlobalAveragePool', [build(b, b.op('Relu', [conv]))])]);
      return [b.op('MatMul', [flat, b.constant(weights('out', [4, 3]))]), [null, 3]];
    },
  });
  return cardFor(folder.write(`${name}.onnx`, graph), { classes: CLASSES });
}

/** Scores, gradients, activations and gradients of the CAM layer. */
async function numbersOf(model: FullClassifier, x: Tensor): Promise<Float32Array[]> {
  const batch = batchOf(x);
  const { data } = await model.scores(batch, { as: 'logit' });
  const gradients: number[] = [];
  await model.gradients(batch, { class: 1, score: 'margin' }, (_, gradient) => gradients.push(...gradient));
  const layer = await model.layer(batch, { class: 1, score: 'margin' }, undefined);
  return [data, Float32Array.from(gradients), layer.activations.data, layer.gradients.data];
}

if (missing) it.skip(titled('the conformance suite on WebGPU'), () => undefined);
else {
  testEngine('a network with tanh-like curves', {
    engine: onnxEngine,
    device: 'webgpu',
    workers: 1,
    card: small,
    images: images('small', [3, 8, 8, 1]),
  });
}

describe.skipIf(missing)(titled('ONNX Runtime on WebGPU'), () => {
  it('has the scores, gradients and layers of the CPU', async () => {
    const x = channelsLast(golden('tiny-densenet.input.npy'));
    const card = cardFor(join(goldenFolder, 'tiny-densenet.onnx'), {
      classes: ['a', 'b'],
      input: { size: [64, 64], channels: 1, layout: 'NCHW' },
    });
    const want = await using(card, { device: 'cpu' }, model => numbersOf(model, x));
    const { numbers, placements } = await using(card, {}, async model => ({
      numbers: await numbersOf(model, x),
      placements: await model.placements!(),
    }));
    for (const [k, got] of numbers.entries()) expect(difference(got, want[k]!)).toBeLessThan(k === 0 ? 1e-4 : 1e-3);
    expect(placements.map(p => p.graph)).toEqual(['forward', 'gradient', '/Relu_output_0']);
    expect(placements[0]).toMatchObject({ operators: { webgpu: expect.any(Number) }, elsewhere: {} });
    // It has no MaxPool that tells where the maximum was.
    expect(placements[1]!.elsewhere).toMatchObject({ MaxPool: 1 });
    const moved = Object.values(placements[1]!.elsewhere).reduce((a, b) => a + b, 0);
    expect(placements[1]!.operators.cpu).toBe(moved);
    expect(placements[1]!.operators.webgpu).toBeGreaterThan(50);
  });

  it('counts an operator that it leaves to the CPU', async () => {
    const card = around('lrn', (b, x) => b.op('LRN', [x], { size: attr.int(3) }));
    const [forward] = await using(card, {}, model => model.placements!());
    expect(forward).toMatchObject({ graph: 'forward', operators: { cpu: 1 }, elsewhere: { LRN: 1 } } as Placement);
  });

  it('computes only what changed of images, or measures that it does not pay', async () => {
    const side = 96;
    const graph = graphOf({
      input: [null, 1, side, side],
      build(b, image) {
        const wide = (x: string, name: string, from: number) =>
          b.op('Relu', [
            b.op('Conv', [x, b.constant(weights(name, [16, from, 3, 3]))], { pads: attr.ints([1, 1, 1, 1]) }),
          ]);
        const flat = b.op('Flatten', [b.op('GlobalAveragePool', [wide(wide(image, 'first', 1), 'second', 16)])]);
        return [b.op('MatMul', [flat, b.constant(weights('out of 16', [16, 3]))]), [null, 3]];
      },
    });
    const input = { size: [side, side], channels: 1, layout: 'NCHW' } as const;
    const card = cardFor(folder.write('local.onnx', graph), { classes: CLASSES, input });
    const first = images('local', [1, side, side, 1]);
    // Windows that move over the image.
    const batch = {
      count: 30,
      write(i: number, out: Float32Array) {
        out.set(first.data);
        for (let y = 0; i > 0 && y < 8; y++)
          out.fill(0, ((i % 25) + y) * side + (i % 7) * 8, ((i % 25) + y) * side + (i % 7) * 8 + 8);
      },
    };
    const scores = async (model: FullClassifier) => (await model.scores(batch, { as: 'logit' })).data;
    const want = await using(card, { device: 'cpu' }, scores);
    const { worth, got, graphs } = await using(card, {}, async model => {
      const worth = await model.changesWorth!(8, { ...first, shape: [side, side, 1] });
      const graphs = (await model.placements!()).map(p => p.graph);
      return { worth, graphs, got: await scores(model) };
    });
    expect(difference(got, want)).toBeLessThan(1e-4);
    if ('faster' in worth) expect(graphs).toContain('changes of 8 px, part 1');
    else expect(worth.reason).toMatch(/^it is \S+ times as fast only$|^one pass takes/);
  });

  it('refuses a shader that does not compile, and works on', async () => {
    // ONNX Runtime writes ε into the shader, whose language has no infinity.
    const card = around('shader', (b, x) => {
      const [one, none] = [1, 0].map(v => b.constant(constant.float([4], [v, v, v, v])));
      return b.op('BatchNormalization', [x, one!, none!, none!, one!], { epsilon: attr.float(Infinity) });
    });
    await using(card, { device: 'cpu' }, async () => undefined);
    await expect(onnxEngine.open(card, { device: 'webgpu' })).rejects.toMatchObject({ code: 'DEVICE' });
    await using(small, {}, model => model.scores(batchOf(images('x', [1, 8, 8, 1])), { as: 'logit' }));
  });

  const spacious = notSoftware();
  const title = `says so when the device has not the memory, and works on${spacious ? ` (skipped: ${spacious})` : ''}`;
  it.skipIf(spacious !== undefined)(title, async () => {
    const graph = graphOf({
      input: [null],
      build(b, x) {
        const wide = b.op('Expand', [x, b.constant(constant.int64([2], [400_000_000, 1]))]);
        return [b.op('ReduceMean', [b.op('Relu', [wide])]), [null, null]];
      },
    });
    const settings = { executionProviders: ['webgpu'], threads: 1 };
    const pool = new OnnxPool(1, GPU_LOCK);
    try {
      await pool.open('wide', encodeModel(graph), settings);
      const feed = () => [{ name: 'image', dims: [1], data: Float32Array.of(2) }];
      await expect(pool.run('wide', feed())).rejects.toMatchObject({ code: 'ENGINE' });
      const fine = graphOf({ input: [null], build: (b, x) => [b.op('Neg', [x]), [null]] });
      await pool.open('fine', encodeModel(fine), settings);
      const { outputs } = await pool.run('fine', feed());
      expect([...Object.values(outputs)[0]!]).toEqual([-2]);
    } finally {
      await pool.close();
    }
  });

  it('runs several models at the same time', async () => {
    const x = images('several', [6, 8, 8, 1]);
    const scores = (model: FullClassifier) => model.scores(batchOf(x), { as: 'logit' });
    const want = await using(small, { device: 'cpu' }, scores);
    await using(small, {}, one =>
      using(small, { microBatch: 1 }, async other => {
        const results = await Promise.all([one, other, one, other].map(scores));
        for (const { data } of results) expect(difference(data, want.data)).toBeLessThan(1e-4);
      }),
    );
  });

  it('tunes the micro-batch', async () => {
    await using(small, { microBatch: undefined as never }, async model => {
      expect(model.runtime).toMatchObject({ device: 'webgpu', workers: 1, threads: 1 });
      expect([1, 4, 16]).toContain(model.runtime.microBatch);
    });
  });

  it('proves that it works', async () => {
    const reports = await onnxEngine.probe();
    expect(reports.find(r => r.device === 'webgpu')).toMatchObject({ state: 'works' });
    expect(reports.find(r => r.device === 'cuda')!.state).toMatch(/^(works|missing)$/);
  });

  describe('the clock', () => {
    const REPEATS = 150;
    const [FEW, MANY] = [2, 4];
    const SIZE = 8;
    const net = cardFor(folder.write('clock.onnx', smallNet({ size: SIZE })), {
      classes: CLASSES,
      input: { size: [SIZE, SIZE], channels: 1, layout: 'NCHW' },
    });
    const clocked = (n: number) => batchOf(images('clock', [n, SIZE, SIZE, 1]));
    const wall = new Map<string, number>();
    let times: ReadonlyMap<string, DeviceTime>;
    let placements: readonly Placement[];

    beforeAll(async () => {
      await using(net, { trace: true }, async model => {
        const tracer = model.tracer!;
        expect(tracer.source).toBe('timestamp queries');
        const traced = async (label: string, work: () => Promise<unknown>) => {
          tracer.begin(label);
          const start = performance.now();
          await work();
          wall.set(label, performance.now() - start);
        };
        for (let i = 0; i < REPEATS; i++) {
          for (const [label, n] of [
            ['once', FEW],
            ['again', FEW],
            ['twice', MANY],
          ] as const) {
            await traced(`${label} ${i}`, () => model.scores(clocked(n), { as: 'logit' }));
          }
        }
        for (const n of [FEW, MANY]) {
          const batch = clocked(n);
          const target = { class: 0, score: 'margin' } as const;
          await traced(`gradient ${n}`, () => model.gradients(batch, target, () => undefined));
          await traced(`both ${n}`, async () => {
            await model.scores(batch, { as: 'logit' });
            await model.gradients(batch, target, () => undefined);
          });
        }
        // More runs than a profile holds.
        await traced('long', () => model.scores(clocked(150), { as: 'logit' }));
        await traced('idle', async () => undefined);
        placements = await model.placements!();
        times = await tracer.end();
        await expect(model.scores(clocked(1), { as: 'logit' })).rejects.toThrow(/trace has ended/);
      });
    });

    it('counts twice the kernels for twice the images, and the same for the same', () => {
      const few = times.get('once 0')!.kernels;
      expect(few).toBeGreaterThanOrEqual(FEW / 2);
      for (let i = 0; i < REPEATS; i++) {
        const kernels = ['once', 'again', 'twice'].map(label => times.get(`${label} ${i}`)!.kernels);
        expect(kernels).toEqual([few, few, 2 * few]);
      }
      expect(times.get('long')!.kernels).toBe((150 / FEW) * few);
      expect(times.get(`gradient ${MANY}`)!.kernels).toBe(2 * times.get(`gradient ${FEW}`)!.kernels);
      for (const n of [FEW, MANY]) {
        const parts = [n === FEW ? 'once 0' : 'twice 0', `gradient ${n}`].map(label => times.get(label)!.kernels);
        expect(times.get(`both ${n}`)!.kernels).toBe(parts[0]! + parts[1]!);
      }
      expect(placements.map(p => p.graph)).toEqual(['forward', 'gradient']);
    });

    it('measures twice the time for twice the images, and the same for the same', () => {
      // Other programs on the machine make all of them longer alike.
      const middle = (ratio: (once: number, again: number, twice: number) => number) => {
        const ratios = Array.from({ length: REPEATS }, (_, i) => {
          const [once, again, twice] = ['once', 'again', 'twice'].map(label => times.get(`${label} ${i}`)!.unionMs);
          return ratio(once!, again!, twice!);
        });
        return ratios.sort((x, y) => x - y)[REPEATS / 2]!;
      };
      const growth = middle((once, again, twice) => (2 * twice) / (once + again));
      expect(growth).toBeGreaterThan(1.6);
      expect(growth).toBeLessThan(2.4);
      expect(Math.abs(Math.log(middle((once, again) => once / again)))).toBeLessThan(Math.log(1.2));
    });

    it('is never more than the time that passed, and nothing where nothing ran', () => {
      for (const [label, { unionMs, sumMs }] of times) {
        expect(unionMs).toBeLessThanOrEqual(wall.get(label)!);
        expect(unionMs).toBeLessThanOrEqual(sumMs);
      }
      expect(times.get('idle')).toEqual({ unionMs: 0, sumMs: 0, kernels: 0 });
    });

    it('is not there unless it is asked for', async () => {
      await using(small, {}, async model => expect(model.tracer).toBeUndefined());
    });
  });
});
