import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadModel } from '../../../../src/engines/onnx/load/load-model.ts';
import { gradients, load, relativeL2 } from './reference.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '../../../../..');
const shared = join(root, 'shared');
const golden = join(shared, 'golden');

describe.skipIf(!existsSync(golden))('reference gradients in ../shared/golden (absent: skipped)', () => {
  test('tiny-densenet: the logit of the target', async () => {
    const x = load(join(golden, 'tiny-densenet.input.npy'));
    const hint = { file: join(golden, 'tiny-densenet.onnx'), size: [64, 64], channels: 1, layout: 'NCHW' } as const;
    const model = await loadModel(undefined, { ...hint, classes: 2 });
    const { gradient } = await gradients(model, x, [0, 0, 0, 0]);
    expect(relativeL2(gradient, load(join(golden, 'tiny-densenet.input-gradient.npy')).data)).toBeLessThan(1e-5);
  });

  test('mixed-ops: the probability of the target', async () => {
    const x = load(join(golden, 'mixed-ops.input.npy'));
    const hint = { file: join(golden, 'mixed-ops.onnx'), size: [64, 64], channels: 1, layout: 'NCHW' } as const;
    const model = await loadModel(undefined, { ...hint, classes: 3 });
    const { gradient } = await gradients(model, x, [0, 0, 0, 0]);
    expect(relativeL2(gradient, load(join(golden, 'mixed-ops.input-gradient.npy')).data)).toBeLessThan(1e-5);
  });

  test('covidct-densenet121 on eight real images', async () => {
    const { targets } = JSON.parse(readFileSync(join(golden, 'real', 'real.json'), 'utf8')) as { targets: number[] };
    const x = load(join(golden, 'real', 'input.npy'));
    const file = join(shared, 'models', 'covidct-densenet121.onnx');
    const [channels, h, w] = x.shape.slice(1) as [number, number, number];
    const model = await loadModel(undefined, { file, size: [h, w], channels, layout: 'NCHW', classes: 2 });
    const { gradient } = await gradients(model, x, targets);
    expect(relativeL2(gradient, load(join(golden, 'real', 'input-gradient.npy')).data)).toBeLessThan(1e-3);
  });
});
