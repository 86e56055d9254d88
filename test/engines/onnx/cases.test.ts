import { describe, expect, it } from 'vitest';
import type { FullClassifier } from '../../../src/core/contracts/index.ts';
import { readModelFile } from '../../../src/engines/onnx/load/file.ts';
import { caseCard, usingCard } from './cases.ts';
import { difference, images, runRaw } from './fixtures.ts';

const batchOf = (x: Float32Array, size: number) => ({
  count: x.length / size,
  write: (i: number, out: Float32Array) => out.set(x.subarray(i * size, (i + 1) * size)),
});

const target = { class: 0, score: 'logit' } as const;

async function gradientsOf(model: FullClassifier, x: Float32Array, size: number): Promise<Float32Array> {
  const out = new Float32Array(x.length);
  await model.gradients(batchOf(x, size), target, (i, gradient) => out.set(gradient, i * size));
  return out;
}

describe('the scores are those that ONNX Runtime gives on the file', () => {
  it.each<[string, readonly [number, number]]>([
    ...['plain', 'stn16', 'dft17', 'roialign10', 'roialign16', 'extdata', 'extdata-retrained', 'qdq', 'qdynamic'].map(
      name => [name, [32, 32]] as [string, [number, number]],
    ),
    ...['gqa', 'boolmask'].map(name => [name, [4, 8]] as [string, [number, number]]),
    ...['op-norm', 'if-captured', 'if-only', 'qdq-whole'].map(name => [name, [16, 16]] as [string, [number, number]]),
  ])('%s', async (name, [h, w]) => {
    const card = await caseCard(name);
    const x = images(name, [2, h, w, 1]).data;
    await usingCard(card, async model => {
      const got = await model.scores(batchOf(x, h * w), { as: 'logit' });
      const file = readModelFile(card.file);
      for (let i = 0; i < 2; i++) {
        const image = { shape: [1, 1, h, w], data: x.slice(i * h * w, (i + 1) * h * w) };
        const want = await runRaw(file, image);
        expect(difference(got.data.slice(i * want.length, (i + 1) * want.length), want)).toBeLessThan(1e-4);
      }
    });
  });
});

describe('what can not be differentiated keeps its scores, and says what stands in the way', () => {
  it.each([
    ['if-captured', /operator If at node 'branch'/],
    ['if-only', /operator If at node 'branch'/],
    ['qdq', /operator DequantizeLinear .* it quantises/],
    ['qdq-whole', /operator DequantizeLinear .*'quantisation: straight-through'/],
    ['qdynamic', /operator \w+Integer/],
  ])('%s', async (name, reason) => {
    await usingCard(await caseCard(name), async model => {
      expect([...model.capabilities]).not.toContain('gradients');
      expect(model.runtime.limitations?.gradients).toMatch(reason);
      const x = new Float32Array(2 * model.input.spatial.reduce((a, b) => a * b, 1)).fill(0.3);
      const scores = await model.scores(batchOf(x, x.length / 2), { as: 'margin' });
      expect(scores.data.every(Number.isFinite)).toBe(true);
    });
  });
});

describe('gradients', () => {
  it.each([
    ['stdpool', 32],
    ['sqrt-relu-var', 16],
    ['pow-relu', 16],
    ['std-rows', 16],
    ['op-norm', 16],
    ['stn16', 32],
    ['dft17', 32],
    ['roialign16', 32],
    ['roialign10', 32],
  ])('are finite and not zero, also where pixels are equal: %s', async (name, size) => {
    await usingCard(await caseCard(name), async model => {
      const x = images(name, [2, size, size, 1]).data;
      x.fill(0, 0, (size * size) / 2);
      const gradients = await gradientsOf(model, x, size * size);
      expect(gradients.every(Number.isFinite)).toBe(true);
      expect(gradients.some(v => v !== 0)).toBe(true);
    });
  });

  it('pass straight through quantisation where the card says so', async () => {
    const x = images('quantised', [2, 32, 32, 1]).data.map(v => Math.min(1, Math.max(0, 0.5 + 0.2 * v)));
    const quantised = await usingCard(await caseCard('qdq', { quantisation: 'straight-through' }), m =>
      gradientsOf(m, x, 1024),
    );
    const plain = await usingCard(await caseCard('plain'), m => gradientsOf(m, x, 1024));
    const dot = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, i) => sum + v * b[i]!, 0);
    const cosine = dot(quantised, plain) / Math.sqrt(dot(quantised, quantised) * dot(plain, plain));
    expect(cosine).toBeGreaterThan(0.9);
    expect(quantised.some(v => v !== 0)).toBe(true);
  });
});
