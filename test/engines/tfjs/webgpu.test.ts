import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { input, layers, model as modelOf, type SymbolicTensor } from '@tensorflow/tfjs-layers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceTime, ModelCard } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { quantile } from '../../../src/core/statistics/quantile.ts';
import { tensor } from '../../../src/core/tensor.ts';
import type { Head } from '../../../src/engines/shared/scores.ts';
import { WorkerPool } from '../../../src/engines/shared/worker-pool.ts';
import { useDevice } from '../../../src/engines/tfjs/devices/tfjs-devices.ts';
import { readModelFiles } from '../../../src/engines/tfjs/keras/model-files.ts';
import type { Task } from '../../../src/engines/tfjs/network/compute.ts';
import { outlineOf, tfjsEngine } from '../../../src/engines/tfjs/tfjs-engine.ts';
import type { Spec, TfjsProtocol } from '../../../src/engines/tfjs/tfjs-messages.ts';
import { cardFor } from '../onnx/fixtures.ts';
import { batchOf, save } from './fixtures.ts';
import { noGpu, noSoftware, onGpu, onSoftware } from './gpu.ts';

const SIZE = 16;
const folder = mkdtempSync(join(tmpdir(), 'ct-xai-webgpu-'));
await useDevice('cpu-js');

async function cardOf(name: string, size: number, ...steps: readonly layers.Layer[]): Promise<ModelCard> {
  const image = input({ shape: [size, size, 1], name: 'image' });
  const flat = steps.reduce((x, step) => step.apply(x) as SymbolicTensor, image);
  const scores = layers.dense({ units: 2, name: 'scores' }).apply(flat) as SymbolicTensor;
  const net = modelOf({ inputs: image, outputs: scores, name });
  const file = await save(net, mkdtempSync(join(folder, name)));
  net.dispose();
  const about = { classes: ['a', 'b'], input: { size: [size, size] as const, channels: 1, layout: 'NHWC' } as const };
  return { ...cardFor(file, about), format: 'tfjs' };
}

const conv = (name: string, filters: number) =>
  layers.conv2d({ filters, kernelSize: 3, padding: 'same', activation: 'relu', name });
const gap = () => layers.globalAveragePooling2d({ name: 'gap' });
const card = await cardOf('plain', SIZE, conv('one', 8), conv('two', 8), gap());
const rng = createRng('tfjs webgpu');
const images = (n: number, size = SIZE) => {
  const t = tensor([n, size, size, 1]);
  for (let i = 0; i < t.data.length; i++) t.data[i] = rng.normal();
  return t;
};
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.skipIf(noGpu !== undefined)(onGpu('the clock of TF.js on WebGPU'), () => {
  const [FEWEST, MOST] = [4, 24];
  const times: Record<'one' | 'two' | 'gradient', DeviceTime[]> = { one: [], two: [], gradient: [] };
  /*
   * Other programs disturb a GPU in software: now and then (then the least is right), or all the time (then sums are).
   * A clock that is wrong has neither right.
   */
  const SUMMARIES = [
    (list: readonly number[]) => Math.min(...list),
    (list: readonly number[]) => quantile(list, 0.5),
    (list: readonly number[]) => list.reduce((x, y) => x + y, 0),
  ];
  const sums = (kind: keyof typeof times) => times[kind].map(t => t.sumMs);
  /** How far the ratio of two kinds of work is from what it should be, at best. */
  const off = (numerator: readonly number[], denominator: readonly number[], ratio: number) =>
    Math.min(...SUMMARIES.map(of => Math.abs(of(numerator) / of(denominator) / ratio - 1)));
  const growth = () => off(sums('two'), sums('one'), 2);
  const spread = () => {
    const [even, odd] = [0, 1].map(rest => sums('two').filter((_, i) => i % 2 === rest));
    return off(even!, odd!, 1);
  };
  const isClear = () => growth() < 0.15 && spread() < 0.15;
  let silent: DeviceTime;

  beforeAll(async () => {
    const model = await tfjsEngine.open(card, { device: 'webgpu', microBatch: 4, trace: true });
    const [four, eight] = [images(4), images(8)];
    const tracer = model.tracer!;
    expect(tracer.source).toBe('timestamp queries');
    const work = {
      one: () => model.scores(batchOf(four), { as: 'logit' }),
      two: () => model.scores(batchOf(eight), { as: 'logit' }),
      gradient: () => model.gradients(batchOf(four), { class: 0, score: 'logit' }, () => undefined),
    };
    const kinds = Object.keys(work) as (keyof typeof work)[];
    // What is compiled first is not repeated.
    await work.gradient();
    // On a busy machine it takes some rounds until each kind of work has been left alone once.
    for (let round = 0; round < FEWEST || (round < MOST && !isClear()); round++) {
      for (const kind of kinds) {
        tracer.begin(kind);
        await work[kind]();
      }
      tracer.begin('nothing');
      const found = await tracer.end();
      for (const kind of kinds) times[kind].push(found.get(kind)!);
      silent = found.get('nothing')!;
    }
    await model.close();
  }, 300_000);

  it('counts the same kernels each time, and twice as many for twice the work', () => {
    for (const list of Object.values(times)) expect(new Set(list.map(t => t.kernels)).size).toBe(1);
    expect(times.one[0]!.kernels).toBeGreaterThan(2);
    expect(times.two[0]!.kernels).toBe(2 * times.one[0]!.kernels);
    expect(times.gradient[0]!.kernels).toBeGreaterThan(times.one[0]!.kernels);
    expect(silent).toMatchObject({ unionMs: 0, sumMs: 0, kernels: 0 });
  });

  it('doubles when the work doubles, and repeats itself', () => {
    expect(growth()).toBeLessThan(0.2);
    expect(spread()).toBeLessThan(0.2);
  });

  it('has kernels one after the other on one queue, and the memory in use', () => {
    for (const time of Object.values(times).flat()) {
      expect(time.unionMs).toBeGreaterThan(0);
      expect(time.unionMs).toBeLessThanOrEqual(time.sumMs * (1 + 1e-9));
      expect(time.transferMs).toBeUndefined();
      // The values between the two layers at least.
      expect(time.peakMemoryMb).toBeGreaterThan((4 * SIZE * SIZE * 8 * 4) / 2 ** 20);
    }
    const peak = (list: readonly DeviceTime[]) => Math.max(...list.map(t => t.peakMemoryMb!));
    expect(peak(times.gradient)).toBeGreaterThan(peak(times.one));
  });

  it('is not read where nobody asks for it, nor where there is none', async () => {
    for (const options of [{ device: 'webgpu' }, { device: 'cpu-js', trace: true }]) {
      const model = await tfjsEngine.open(card, { workers: 1, ...options });
      expect(model.tracer).toBeUndefined();
      await model.close();
    }
  });
});

describe.skipIf(noSoftware !== undefined)(onSoftware('a GPU in software of TF.js'), () => {
  it('is known by its number, and tells its name', async () => {
    const model = await tfjsEngine.open(card, { device: 'webgpu:swiftshader' });
    expect(model.runtime).toMatchObject({ device: 'webgpu:0', workers: 1 });
    expect(model.runtime.deviceName).toMatch(/SwiftShader/);
    await model.close();
  });

  it('is not taken by auto if it is software', async () => {
    const model = await tfjsEngine.open(card, { device: 'auto', workers: 1 });
    expect(model.runtime.device).not.toMatch(/webgpu/);
    await model.close();
  });

  it('is proved by the probe', async () => {
    const reports = await tfjsEngine.probe();
    const report = reports.find(r => r.device === 'webgpu');
    expect(report).toMatchObject({ state: 'works', detail: expect.stringMatching(/SwiftShader/) });
  });
});

describe.skipIf(noGpu !== undefined)(onGpu('faults of TF.js on WebGPU'), () => {
  const spec = async (): Promise<Spec> => {
    const outline = outlineOf(await readModelFiles(card.file), undefined);
    const head: Head = { task: 'softmax', values: 'logits' };
    return { file: card.file, device: 'webgpu', head, layers: [], ...outline.logits };
  };
  interface FaultyProtocol extends TfjsProtocol {
    fault(asked: 'loss' | 'shader' | 'memory'): void;
  }
  let pool: WorkerPool<FaultyProtocol>;
  const ask = (task: Task) => {
    const images = { shape: [1, SIZE, SIZE, 1], data: new Float32Array(SIZE * SIZE).fill(0.5) };
    return pool.one('compute', { task, images });
  };
  const scores = () => ask({ kind: 'scores' });
  const gradient = () => ask({ kind: 'gradient', target: 0, score: 'logit' });

  beforeEach(async () => {
    pool = new WorkerPool(1, new URL('./fault-worker.mjs', import.meta.url), 'TF.js');
    await pool.each('start', await spec());
    await pool.each('load', await spec());
    expect((await scores()).raw).toHaveLength(2);
  });
  afterEach(() => pool.close());

  it('a device that is lost in mid-run: all that runs or follows is refused, and it can be closed', async () => {
    const working = Promise.allSettled([scores(), scores(), gradient(), scores()]);
    await pool.each('fault', 'loss');
    for (const result of await working) {
      // What was done before is done.
      if (result.status === 'fulfilled') expect(result.value.raw!.every(Number.isFinite)).toBe(true);
      else expect(result.reason).toMatchObject({ code: 'ENGINE', message: expect.stringMatching(/GPU was lost/) });
    }
    await expect(scores()).rejects.toMatchObject({ code: 'ENGINE', message: expect.stringMatching(/GPU was lost/) });
  });

  it('a shader that does not compile: an error, and no number from then on', async () => {
    await pool.each('fault', 'shader');
    // What is compiled already goes on to work.
    expect((await scores()).raw).toHaveLength(2);
    const refused = { code: 'ENGINE', message: expect.stringMatching(/GPU refused its work/) };
    await expect(gradient()).rejects.toMatchObject(refused);
    await expect(scores()).rejects.toMatchObject(refused);
  });

  it('no memory: an error that says so, and no number from then on', async () => {
    await pool.each('fault', 'memory');
    const refused = { code: 'ENGINE', message: expect.stringMatching(/GPU has no room.*micro-batch/) };
    await expect(gradient()).rejects.toMatchObject(refused);
    await expect(scores()).rejects.toMatchObject(refused);
  });

  it('a model that the GPU has no room for is refused before there is any work', async () => {
    const large = await cardOf('large', SIZE, layers.upSampling2d({ size: [2048, 2048], name: 'up' }), gap());
    await expect(tfjsEngine.open(large, { device: 'webgpu' })).rejects.toMatchObject({
      code: 'DEVICE',
      message: expect.stringMatching(/device 'webgpu' can't run this model/),
    });
  });
});
