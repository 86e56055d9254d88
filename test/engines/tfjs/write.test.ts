import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ModelCard } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { sizeOf } from '../../../src/core/tensor.ts';
import { decodeModel, encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { ARCHITECTURES } from '../../../src/engines/onnx/training/architectures.ts';
import { compareTwin, writeTwin } from '../../../src/engines/tfjs/write/twin.ts';
import { layersModelOf, WEIGHTS_FILE } from '../../../src/engines/tfjs/write/write-model.ts';
import { cardFor, goldenFolder } from '../onnx/fixtures.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ct-xai-twin-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A network of `train --arch` with random weights, as training would ship it. */
function shipped(name: string, width: number, seed = name): ModelCard {
  const shape = { channels: 3, size: [48, 40], classes: 3, width } as const;
  const architecture = ARCHITECTURES.get(name)!;
  const rng = createRng(seed);
  const weights = new Map(
    architecture(shape).network.parameters.map(({ name, dims, kind }) => {
      const fan = sizeOf(dims.slice(1));
      const value = () => (kind === 'running-variance' ? 0.5 + rng.next() : rng.normal() / Math.sqrt(fan));
      return [name, Float32Array.from({ length: sizeOf(dims) }, value)];
    }),
  );
  const file = join(folder, `${seed}.onnx`);
  writeFileSync(file, encodeModel(architecture(shape, weights).model.graph));
  const input = { size: shape.size, channels: 3, layout: 'NCHW' } as const;
  return cardFor(file, { classes: ['a', 'b', 'c'], input, emits: 'logits' });
}

describe('what training makes, for TF.js', () => {
  it.each([
    ['cnn', 0.5],
    ['densenet', 0.5],
    ['densenet121', 0.25],
  ])('%s has the same logits', async (name, width) => {
    const out = join(folder, 'tfjs');
    const difference = await writeTwin(shipped(name, width), { folder: out, card: 'id: x\n', by: 'test' });
    expect(difference).toBeLessThan(1e-5);
    expect(readdirSync(out).sort()).toEqual(['model.json', 'model.yaml', WEIGHTS_FILE]);
    expect(readdirSync(folder).sort()).toEqual([`${name}.onnx`, 'tfjs']);
    expect(readFileSync(join(out, 'model.yaml'), 'utf8')).toBe('id: x\n');
  });

  it('is an error where the two differ, and what was there stays', async () => {
    const card = shipped('cnn', 0.25);
    const out = join(folder, 'tfjs');
    await writeTwin(card, { folder: out, card: '', by: 'test' });
    const other = shipped('cnn', 0.25, 'other');
    await expect(compareTwin(other, join(out, 'model.json'))).rejects.toMatchObject({
      code: 'MODEL',
      message: expect.stringMatching(/differ by .* of the largest/),
    });
    const foreign = cardFor(join(goldenFolder, 'mixed-ops.onnx'), { classes: ['a', 'b'] });
    await expect(writeTwin(foreign, { folder: out, card: '', by: 'test' })).rejects.toMatchObject({ code: 'OPERATOR' });
    expect(existsSync(join(out, 'model.json'))).toBe(true);
  });

  it('says what it can not write', () => {
    const file = join(goldenFolder, 'mixed-ops.onnx');
    const graph = decodeModel(readFileSync(file), { name: file });
    expect(() => layersModelOf(graph, 'test')).toThrow(/can't be written as a layer of TF.js/);
  });
});
