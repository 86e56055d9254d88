import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadModel } from '../../../../src/engines/onnx/load/load-model.ts';
import { gradients, load, logitsOf, relativeL2 } from './reference.ts';

/** One exported model with its input, output and autograd's gradient, as index.json lists them. */
interface Export {
  readonly file: string;
  readonly layout: 'NCHW' | 'NHWC';
  readonly input: string;
  readonly gradient: string;
  readonly targets: readonly number[];
  readonly output: string;
  readonly outputIs?: string;
  /** How far float32 autograd is from the stored float64 gradient: kinks and cancellation that nobody gets right. */
  readonly gradientRelL2: Readonly<Record<string, number>>;
}

const folder = process.env['CT_XAI_EXPORTS'] ?? '';
const index = join(folder, 'index.json');
const present = folder !== '' && existsSync(index);
const models = present ? (JSON.parse(readFileSync(index, 'utf8').replaceAll('NaN', 'null')) as Export[]) : [];

describe.skipIf(!present)('exports of torchvision, timm and Keras (set CT_XAI_EXPORTS to their folder)', () => {
  test.each(models.map(m => [m.file, m] as const))('%s', async (_, m) => {
    const x = load(join(folder, m.input));
    const [h, w, channels] = (
      m.layout === 'NCHW' ? [x.shape[2], x.shape[3], x.shape[1]] : x.shape.slice(1)
    ) as number[];
    const model = await loadModel(undefined, {
      file: join(folder, m.file),
      size: [h!, w!],
      channels: channels!,
      layout: m.layout,
      classes: load(join(folder, m.output)).shape[1]!,
    });
    const of = logitsOf(model);
    const expected = load(join(folder, m.gradient)).data;
    const unstable = Math.max(0, ...Object.values(m.gradientRelL2));
    // As written, every operation by itself: the mathematics.
    const plain = await gradients(model, x, m.targets, { of, level: 'disabled' });
    expect(relativeL2(plain.gradient, expected)).toBeLessThan(Math.max(1e-5, 3 * unstable));
    // As it runs: fusing rounds otherwise, and an activation next to its kink may fall on the other side.
    const { gradient, kept } = await gradients(model, x, m.targets, { of, keep: [model.output] });
    expect(relativeL2(kept[model.output]!, load(join(folder, m.output)).data)).toBeLessThan(1e-3);
    expect(relativeL2(gradient, expected)).toBeLessThan(Math.max(3e-3, 3 * unstable));
  });
});
