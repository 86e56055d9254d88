import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { loadModel } from '../../../../src/engines/onnx/load/load-model.ts';
import { gradients, load, relativeL2 } from './reference.ts';

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../../golden/blocks');
const index = JSON.parse(readFileSync(join(folder, 'index.json'), 'utf8')) as {
  readonly models: readonly { readonly name: string; readonly targets: readonly number[] }[];
};

describe("small networks in the style of the well-known families, against autograd's gradients", () => {
  test.each(index.models)('$name', async ({ name, targets }) => {
    const x = load(join(folder, 'input.npy'));
    const file = join(folder, `${name}.onnx`);
    const model = await loadModel(undefined, { file, size: [16, 16], channels: 3, layout: 'NCHW', classes: 3 });
    const expected = load(join(folder, `${name}.gradient.npy`)).data;
    const { gradient, kept } = await gradients(model, x, targets, { keep: [model.output] });
    expect(relativeL2(kept[model.output]!, load(join(folder, `${name}.logits.npy`)).data)).toBeLessThan(1e-5);
    expect(relativeL2(gradient, expected)).toBeLessThan(1e-5);
  });
});
