import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Classifier } from '../../../src/core/contracts/index.ts';
import { gaussianBlur } from '../../../src/core/image/blur.ts';
import { readNpy } from '../../../src/core/npy.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { onnxEngine } from '../../../src/engines/onnx/onnx-engine.ts';
import { deletion } from '../../../src/metrics/faithfulness/deletion.ts';
import { insertion } from '../../../src/metrics/faithfulness/insertion.ts';
import { cardFor } from '../../engines/onnx/fixtures.ts';
import { scoreOf } from '../scene.ts';

const path = (relative: string): string => fileURLToPath(new URL(`../../${relative}`, import.meta.url));
const json = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const metrics = { deletion, insertion } as const;

/** Image `i` of a file of one-channel images, in whichever layout. */
function square(file: string, i: number, side: number, channels: readonly number[] = []): Tensor {
  const data = readNpy(readFileSync(file)).data.subarray(i * side * side, (i + 1) * side * side);
  return tensor([side, side, ...channels], Float32Array.from(data as Float32Array));
}

function row(file: string, i: number): number[] {
  const { data, shape } = readNpy(readFileSync(file));
  const length = shape[shape.length - 1]!;
  return Array.from(data.subarray(i * length, (i + 1) * length) as Float32Array);
}

/** One worker with one thread: the machine's other tests keep their cores. */
function open(file: string, side: number): Promise<Classifier> {
  const input = { size: [side, side], channels: 1, layout: 'NCHW' } as const;
  const card = cardFor(file, { classes: ['0', '1'], input });
  return onnxEngine.open(card, { device: 'cpu', workers: 1, threads: 1, microBatch: 4 });
}

function worst(a: readonly number[], b: readonly number[]): number {
  expect(a).toHaveLength(b.length);
  return Math.max(...a.map((v, k) => Math.abs(v - b[k]!)));
}

describe('curves of PyTorch on tiny-densenet', () => {
  const file = (name: string): string => path(`golden/${name}`);
  const { targets, deletion_insertion: reference } = json(file('golden.json')).cases['tiny-densenet'];
  const exact = json(file('curves.json'));
  let model: Classifier;
  beforeAll(async () => {
    model = await open(file('tiny-densenet.onnx'), 64);
  });
  afterAll(() => model?.close());

  for (const kind of ['deletion', 'insertion'] as const) {
    it.each([0, 1, 2, 3])(`${kind} of image %i`, async i => {
      const image = square(file('tiny-densenet.input.npy'), i, 64, [1]);
      const baseline = kind === 'deletion' ? tensor(image.shape) : square(file(reference.insertion_start), i, 64, [1]);
      const attribution = square(file(reference.attribution_file), i, 64);
      const options = { pixelsPerStep: reference.pixels_per_step, order: 'stable' };
      const { value, curve } = await scoreOf(metrics[kind], { model, image, baseline, attribution }, options, {
        target: { class: targets[i] },
      });
      expect(worst(curve!.score, exact[kind][i])).toBeLessThanOrEqual(1e-5);
      // PyTorch's float32 curve is itself up to 8e-6 from the float64 one.
      expect(worst(curve!.score, row(file(reference[kind].file), i))).toBeLessThanOrEqual(2e-5);
      expect(value).toBeCloseTo(reference[kind].auc[i], 5);
    });
  }
});

const real = path('../../shared/golden/real/real.json');
const weights = path('../../shared/models/covidct-densenet121.onnx');

describe.skipIf(!existsSync(real) || !existsSync(weights))(
  'curves of PyTorch on a real slice and DenseNet-121 (needs ../shared)',
  () => {
    const file = (name: string): string => path(`../../shared/golden/real/${name}`);
    // Every n-th point of the reference is a curve of n times larger steps.
    const every = Number(process.env['CURVE_POINTS'] ?? 16);
    let model: Classifier;
    beforeAll(async () => {
      model = await open(weights, 224);
    });
    afterAll(() => model?.close());

    for (const method of ['integrated-gradients', 'grad-cam-upsampled', 'occlusion']) {
      for (const kind of ['deletion', 'insertion'] as const) {
        it(`${kind} of ${method}`, async () => {
          const { curves, targets } = json(real);
          const image = square(file('input.npy'), 0, 224, [1]);
          const blurred = () => gaussianBlur(image, 5, { border: 'zero', truncate: 4 });
          const baseline = kind === 'deletion' ? tensor(image.shape) : blurred();
          const attribution = square(file(`${method}.npy`), 0, 224);
          const options = { pixelsPerStep: every * curves.pixels_per_step, order: 'stable' };
          const { curve } = await scoreOf(metrics[kind], { model, image, baseline, attribution }, options, {
            target: { class: targets[0] },
          });
          const reference = row(file(curves[`${method}.${kind}`].curve), 0);
          const points = reference.filter((_, k) => k % every === 0);
          expect(worst(curve!.score, points)).toBeLessThanOrEqual(1e-5);
        });
      }
    }
  },
);
