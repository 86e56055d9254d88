import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import type { Batch } from '../../../src/core/contracts/index.ts';
import { gaussianBlur } from '../../../src/core/image/blur.ts';
import { segmentPixels } from '../../../src/core/image/segmentation.ts';
import { slic } from '../../../src/core/image/slic.ts';
import { sequenceOf } from '../../../src/core/perturbation/path.ts';
import { removalPath } from '../../../src/core/perturbation/removal.ts';
import { createRng, type Rng } from '../../../src/core/rng.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { changedBox, sideOf } from '../../../src/engines/onnx/changes/changed-box.ts';
import { cutNetwork, localPart } from '../../../src/engines/onnx/changes/cuts.ts';
import { KeptNetwork } from '../../../src/engines/onnx/changes/kept-network.ts';
import { type Change, commonImage, recompute } from '../../../src/engines/onnx/changes/recompute.ts';
import { attr, constant, DType, type Graph, GraphBuilder } from '../../../src/engines/onnx/graph/graph.ts';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import type { Program } from '../../../src/engines/onnx/session/programs.ts';
import { switchedBatch } from '../../../src/methods/shared/switched.ts';
import { cardFor, temporary } from './fixtures.ts';

const QUIET = { logSeverityLevel: 4, intraOpNumThreads: 1, interOpNumThreads: 1 } as const;
const [HEIGHT, WIDTH, CHANNELS, SIDE] = [44, 39, 2, 6];

/** A network of convolutions, pools, sums and joins with whatever kernels, strides, dilations and pads. */
function randomNetwork(rng: Rng): Graph {
  const b = new GraphBuilder({ opset: 17, taken: ['image'] });
  const random = (...dims: number[]) =>
    b.constant(
      constant.float(
        dims,
        Float32Array.from({ length: dims.reduce((p, d) => p * d, 1) }, () => rng.normal()),
      ),
    );
  let [x, channels, rows, columns] = ['image', CHANNELS, HEIGHT, WIDTH];
  const conv = (from: string, to: number, same: boolean) => {
    const kernel = [1 + rng.int(4), 1 + rng.int(4)];
    const dilations = [1 + rng.int(2), 1 + rng.int(2)];
    const strides = same ? [1, 1] : [1 + rng.int(2), 1 + rng.int(2)];
    // ONNX Runtime has no automatic pads with dilations.
    const auto = !same && dilations.every(d => d === 1) && rng.int(2) === 0;
    const extent = kernel.map((k, a) => (k - 1) * dilations[a]! + 1);
    const before = extent.map(e => rng.int(same ? e : 3));
    const pads = [...before, ...extent.map((e, a) => (same ? e - 1 - before[a]! : rng.int(3)))];
    [rows, columns] = [rows, columns].map((n, a) =>
      auto ? Math.ceil(n / strides[a]!) : Math.floor((n + pads[a]! + pads[a + 2]! - extent[a]!) / strides[a]!) + 1,
    ) as [number, number];
    const weights = random(to, channels, kernel[0]!, kernel[1]!);
    const scaled = b.op('Mul', [weights, b.scalar(1 / Math.sqrt(channels * kernel[0]! * kernel[1]!))]);
    return b.op('Conv', [from, scaled, random(to)], {
      ...(auto ? { auto_pad: attr.string(rng.int(2) === 0 ? 'SAME_UPPER' : 'SAME_LOWER') } : { pads: attr.ints(pads) }),
      kernel_shape: attr.ints(kernel),
      strides: attr.ints(strides),
      dilations: attr.ints(dilations),
    });
  };
  for (let layer = 0; layer < 6; layer++) {
    const to = 2 + rng.int(3);
    const kind = rng.int(6);
    if (kind === 0 && rows > 8 && columns > 8) {
      const ceil = rng.int(2);
      [rows, columns] = [rows, columns].map(n => (ceil ? Math.ceil((n - 1) / 2) : Math.floor((n - 1) / 2)) + 1) as [
        number,
        number,
      ];
      x = b.op(rng.int(2) === 0 ? 'MaxPool' : 'AveragePool', [x], {
        kernel_shape: attr.ints([3, 3]),
        strides: attr.ints([2, 2]),
        pads: attr.ints([1, 1, 1, 1]),
        ceil_mode: attr.int(ceil),
      });
    } else if (kind === 1) {
      x = b.op('Add', [x, conv(x, channels, true)]);
    } else if (kind === 2) {
      x = b.op('Concat', [x, conv(x, to, true)], { axis: attr.int(1) });
      channels += to;
    } else {
      x = conv(x, to, false);
      channels = to;
    }
    x = b.op('LeakyRelu', [x], { alpha: attr.float(0.3) });
    if (rows < 4 || columns < 4) break;
  }
  const flat = b.op('GlobalAveragePool', [b.op('Mul', [x, x])]);
  const scores = b.op('Gemm', [b.op('Flatten', [flat]), random(channels, 2), random(2)]);
  return {
    opset: 17,
    nodes: b.nodes,
    constants: b.constants,
    inputs: [{ name: 'image', dtype: DType.float, dims: [null, CHANNELS, HEIGHT, WIDTH] }],
    outputs: [{ name: scores, dtype: DType.float, dims: [null, 2] }],
  };
}

async function opened(graph: Graph) {
  const hint = { file: 'random', size: [HEIGHT, WIDTH], channels: CHANNELS, layout: 'NCHW', classes: 2 } as const;
  const model = await loadModel(graph, hint);
  const sessions = new Map<string, InferenceSession>();
  const open = async (program: Program) => {
    const session = `${sessions.size}`;
    sessions.set(session, await InferenceSession.create(encodeModel(program.graph), QUIET));
    return { session, program, settings: { microBatch: 3, workers: 1, threads: 1 } };
  };
  /** Rows and columns of the images, or of their crops, that the first stage was fed. */
  const fed: (readonly [number, number])[] = [];
  let firstStage: string | undefined;
  const run = async (
    session: string,
    feeds: readonly { name: string; dims: readonly number[]; data: Float32Array }[],
  ) => {
    if (session === firstStage) fed.push([feeds[0]!.dims[2]!, feeds[0]!.dims[3]!]);
    const tensors = Object.fromEntries(feeds.map(f => [f.name, new Tensor('float32', f.data, f.dims)]));
    const results = await sessions.get(session)!.run(tensors);
    return Object.fromEntries(Object.entries(results).map(([name, t]) => [name, t.data as Float32Array]));
  };
  const whole = await open({ graph: model.graph });
  const image = { height: HEIGHT, width: WIDTH, channels: CHANNELS, layout: 'NCHW' as const };
  const plain = async (batch: Batch) => {
    const rows: Float32Array[] = [];
    for (let i = 0; i < batch.count; i++) {
      const data = new Float32Array(HEIGHT * WIDTH * CHANNELS);
      batch.write(i, data);
      const planar = data.map((_, k) => data[(k % (HEIGHT * WIDTH)) * CHANNELS + Math.floor(k / (HEIGHT * WIDTH))]!);
      const feed = { name: model.input, dims: [1, CHANNELS, HEIGHT, WIDTH], data: planar };
      rows.push((await run(whole.session, [feed]))[model.output]!);
    }
    return rows;
  };
  const local = localPart(model);
  const cut = local && cutNetwork(local, SIDE, { copy: 0, stage: 0 });
  if (!cut) return { plain };
  const stages = [];
  for (const { graph: own, ...stage } of cut.stages)
    stages.push({ ...stage, session: (await open({ graph: own })).session });
  firstStage = stages[0]!.session;
  const rest = { inputs: cut.rest.inputs, session: (await open({ graph: cut.rest.graph })).session };
  const plan = { side: SIDE, stages, rest, output: model.output, image, places: cut.places };
  // Messages between threads are copied, and so is the plan.
  const network = new KeptNetwork(structuredClone(plan), run);
  const size = HEIGHT * WIDTH * CHANNELS;
  let last: Promise<unknown> = Promise.resolve();
  return {
    plain,
    fed,
    stages: stages.length,
    opened: {
      ...{ size, workers: 1 },
      // A worker answers one question after the other.
      run: (asked: { base: Float32Array; images: Float32Array }) => {
        const answer = last.then(() => network.scores(asked.base, asked.images));
        last = answer;
        return answer;
      },
    },
  };
}

/** Images of which one segment after the other is switched off, alone, or as well as those before. */
function segmentsOff(rng: Rng, what: 'alone' | 'one after the other'): Batch {
  const data = Float32Array.from({ length: HEIGHT * WIDTH * CHANNELS }, () => rng.normal());
  const image = tensor([HEIGHT, WIDTH, CHANNELS], data);
  const baseline = tensor(image.shape, new Float32Array(data.length));
  // Most segments fit into squares of SIDE pixels, and some do not.
  const segmentation = slic(gaussianBlur(image, 2), { segments: 90, compactness: 0.1, sigma: 0 });
  const segments = segmentPixels(segmentation);
  const { count } = segmentation;
  if (what === 'one after the other') {
    const { pixels, ends } = sequenceOf(segments, Uint32Array.from(rng.shuffle([...Array(count).keys()])));
    return removalPath({ image, baseline }, 'removed', pixels, [...ends]);
  }
  const design = new Uint8Array((count + 1) * count).fill(1);
  for (let s = 0; s < count; s++) design[(s + 1) * count + s] = 0;
  return switchedBatch({ image, baseline }, segments, design);
}

/** How the images of a batch differ. */
function changeOf(what: string): Change {
  return { side: SIDE, from: what.startsWith('windows') || what === 'alone' ? 'base' : 'before' };
}

/** All images of a batch. */
function imagesOf({ count, write }: Batch): Float32Array[] {
  return Array.from({ length: count }, (_, i) => {
    const data = new Float32Array(HEIGHT * WIDTH * CHANNELS);
    write(i, data);
    return data;
  });
}

/** A batch from images that are made one from the other, or each from one that is not in it (`windows only`). */
function batchOf(
  rng: Rng,
  what: 'windows' | 'windows only' | 'path' | 'mixed',
): { readonly batch: Batch; readonly images: readonly Float32Array[]; readonly base: Float32Array } {
  const size = HEIGHT * WIDTH * CHANNELS;
  const images = [Float32Array.from({ length: size }, () => rng.normal())];
  const base = images[0]!;
  for (let i = 1; i < 40; i++) {
    const data = images[what.startsWith('windows') || (what === 'mixed' && i % 3 === 0) ? 0 : i - 1]!.slice();
    const side = what === 'mixed' && i % 11 === 5 ? 30 : 1 + rng.int(SIDE);
    const edge = rng.int(4);
    const top = edge === 0 ? 0 : edge === 1 ? HEIGHT - side : rng.int(HEIGHT - side + 1);
    const left = edge === 2 ? 0 : edge === 3 ? WIDTH - side : rng.int(WIDTH - side + 1);
    for (let y = top; y < top + side; y++) {
      for (let k = (y * WIDTH + left) * CHANNELS; k < (y * WIDTH + left + side) * CHANNELS; k++) data[k] = rng.normal();
    }
    images.push(data);
  }
  if (what === 'windows only') images.splice(0, 1);
  return { batch: { count: images.length, write: (i, out) => out.set(images[i]!) }, images, base };
}

/** Convolutions of many channels: a pass takes some ten milliseconds. */
function largeNetwork(): Graph {
  const rng = createRng('weights');
  const b = new GraphBuilder({ opset: 17, taken: ['image'] });
  const random = (dims: number[], scale: number) =>
    b.constant(
      constant.float(
        dims,
        Float32Array.from({ length: dims.reduce((p, d) => p * d, 1) }, () => scale * rng.normal()),
      ),
    );
  let [x, channels] = ['image', 1];
  for (const to of [48, 48, 48]) {
    const conv = b.op('Conv', [x, random([to, channels, 3, 3], Math.sqrt(2 / (channels * 9)))], {
      pads: attr.ints([1, 1, 1, 1]),
    });
    [x, channels] = [b.op('Relu', [conv]), to];
  }
  const flat = b.op('Flatten', [b.op('GlobalAveragePool', [x])]);
  const scores = b.op('Gemm', [flat, random([channels, 2], 1), random([2], 1)]);
  return {
    opset: 17,
    nodes: b.nodes,
    constants: b.constants,
    inputs: [{ name: 'image', dtype: DType.float, dims: [null, 1, 96, 96] }],
    outputs: [{ name: scores, dtype: DType.float, dims: [null, 2] }],
  };
}

/** An image, then the image with a dark square of 8 pixels at other places. */
function batchOfWindows(image: Float32Array, width: number, count: number): Batch {
  return {
    count,
    write(i, out) {
      out.set(image);
      const [top, left] = [(i * 7) % (width - 8), (i * 13) % (width - 8)];
      if (i > 0) for (let y = top; y < top + 8; y++) out.fill(0, y * width + left, y * width + left + 8);
    },
  };
}

describe('computing only what changed', () => {
  it('gives the scores of full inference, for networks with any kernels, strides, dilations and pads', async () => {
    let stages = 0;
    for (let seed = 0; seed < 12; seed++) {
      const rng = createRng(`network ${seed}`);
      const { plain, opened: parts, stages: own } = await opened(randomNetwork(rng));
      if (!parts) continue;
      stages += own;
      for (const what of ['windows', 'windows only', 'path', 'mixed'] as const) {
        const { batch, base } = batchOf(rng.fork(what), what);
        const want = await plain(batch);
        const got: Float32Array[] = [];
        await recompute(parts, base, batch, changeOf(what), (i, raw) => (got[i] = raw.slice()), undefined);
        const largest = Math.max(1, ...want.flatMap(row => [...row].map(Math.abs)));
        const worst = Math.max(...want.flatMap((row, i) => [...row].map((v, k) => Math.abs(v - got[i]![k]!))));
        expect(worst / largest, `network ${seed}, ${what}`).toBeLessThan(1e-5);
      }
    }
    expect(stages).toBeGreaterThan(12);
  }, 60_000);

  it('gives the scores of whole images where segments are switched off, also where these are larger than the squares', async () => {
    let [stages, larger, smaller] = [0, 0, 0];
    for (let seed = 0; seed < 8; seed++) {
      const rng = createRng(`network of segments ${seed}`);
      const { plain, opened: parts, stages: own, fed } = await opened(randomNetwork(rng));
      if (!parts) continue;
      stages += own;
      for (const what of ['alone', 'one after the other'] as const) {
        const batch = segmentsOff(rng.fork(what), what);
        const want = await plain(batch);
        const got: Float32Array[] = [];
        fed.length = 0;
        await recompute(
          parts,
          imagesOf(batch)[0]!,
          batch,
          changeOf(what),
          (i, raw) => (got[i] = raw.slice()),
          undefined,
        );
        const largest = Math.max(1, ...want.flatMap(row => [...row].map(Math.abs)));
        const worst = Math.max(...want.flatMap((row, i) => [...row].map((v, k) => Math.abs(v - got[i]![k]!))));
        expect(got.length).toBe(batch.count);
        expect(worst / largest, `network ${seed}, ${what}`).toBeLessThan(1e-5);
        if (what !== 'alone') continue;
        // The base image is run whole, and each image that differs in more than a square of SIDE pixels.
        const images = imagesOf(batch);
        const sides = images.slice(1).map(image => sideOf(changedBox(image, images[0]!, WIDTH, CHANNELS)!));
        const whole = fed.filter(([rows, columns]) => rows === HEIGHT && columns === WIDTH).length;
        expect(whole).toBe(1 + sides.filter(side => side > SIDE).length);
        expect(fed.length).toBe(batch.count);
        larger += whole - 1;
        smaller += fed.length - whole;
      }
    }
    expect(stages).toBeGreaterThan(8);
    expect(larger).toBeGreaterThan(8);
    expect(smaller).toBeGreaterThan(larger);
  }, 60_000);

  it('gives equal images equal scores, to the last bit', async () => {
    const rng = createRng('network 1');
    const { opened: parts, fed } = await opened(randomNetwork(rng));
    const { images } = batchOf(rng.fork('path'), 'path');
    // The first image, two paths of which each image comes twice, and the first image again.
    const twice = [images[0]!, ...images.slice(1, 12).flatMap(image => [image, image]), images[0]!];
    const got: Float32Array[] = [];
    await recompute(
      parts!,
      images[0]!,
      { count: twice.length, write: (i, out) => out.set(twice[i]!) },
      changeOf('path'),
      (i, raw) => (got[i] = raw.slice()),
      undefined,
    );
    expect(got.at(-1)).toEqual(got[0]);
    expect(new Set(fed!.map(String)).size).toBeGreaterThan(1);
    for (let i = 1; i + 1 < twice.length; i += 2) {
      expect(got[i]).not.toEqual(got[0]);
    }
  });

  it('is decided once for a model: what was measured is remembered', async () => {
    const folder = temporary();
    try {
      const file = folder.write('large.onnx', largeNetwork());
      const card = cardFor(file, { classes: ['a', 'b'], input: { size: [96, 96], channels: 1, layout: 'NCHW' } });
      const options = { device: 'cpu', cacheDir: join(folder.path, 'cache') };
      const rng = createRng('large');
      const image = tensor(
        [96, 96, 1],
        Float32Array.from({ length: 96 * 96 }, () => rng.next()),
      );
      const windows = batchOfWindows(image.data, 96, 100);
      const first = await onnxEngine.open(card, options);
      const worth = await first.changesWorth!(8, image);
      const together = await first.scores(windows, { as: 'logit' });
      const apart: number[] = [];
      // So few images are always computed whole.
      for (let i = 0; i < windows.count; i += 5) {
        const some = { count: 5, write: (j: number, out: Float32Array) => windows.write(i + j, out) };
        apart.push(...(await first.scores(some, { as: 'logit' })).data);
      }
      await first.close();
      apart.forEach((v, i) => {
        expect(together.data[i]! / v).toBeCloseTo(1, 4);
      });
      const again = await onnxEngine.open(card, options);
      expect(await again.changesWorth!(8, image)).toEqual(worth);
      await again.close();
    } finally {
      folder.remove();
    }
  }, 60_000);

  it('finds the image of which all show a small part changed, whether it is one of them or not', () => {
    for (const what of ['windows', 'windows only'] as const) {
      const { images, base } = batchOf(createRng(what), what);
      expect(images[0] === base).toBe(what === 'windows');
      for (const order of [
        [0, 1, 2],
        [2, 0, 1],
      ] as const) {
        const [a, b, c] = order.map(i => images[i]!) as [Float32Array, Float32Array, Float32Array];
        expect(commonImage(a, b, c)).toEqual(base);
      }
    }
  });

  it('finds the least rectangle that holds all differences', () => {
    const a = new Float32Array(5 * 4 * 2);
    const b = a.slice();
    expect(changedBox(a, b, 4, 2)).toBeUndefined();
    b[(1 * 4 + 2) * 2 + 1] = 1;
    b[(3 * 4 + 1) * 2] = 1;
    expect(changedBox(a, b, 4, 2)).toEqual({ top: 1, bottom: 3, left: 1, right: 2 });
  });
});
