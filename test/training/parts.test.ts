import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Sample } from '../../src/core/contracts/index.ts';
import { createRng } from '../../src/core/rng.ts';
import { tensor } from '../../src/core/tensor.ts';
import { augment } from '../../src/training/augment.ts';
import { classWeights, orderOf, trainBatch } from '../../src/training/batches.ts';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from '../../src/training/checkpoint.ts';
import { calibrate, calibrated, negativeLogLikelihood, softmax } from '../../src/training/evaluate.ts';
import { loadImages } from '../../src/training/images.ts';
import { crossings, splitsOf } from '../../src/training/splits.ts';
import { AUGMENTATIONS, cardOf, groupOf, planDigest, rateAt } from '../../src/training/training-plan.ts';
import { toyPlan, toySet } from './toy.ts';

const still = { rotation: 0, scale: 0, shift: 0, flip: false, intensity: 0, noise: 0 };
const space = { window: [0, 255] as const, air: -1000 };
const ramp = tensor(
  [8, 8],
  Float32Array.from({ length: 64 }, (_, p) => p),
);

describe('augmentation', () => {
  test('of nothing is the image itself', () => {
    const out = augment(ramp, still, space, createRng(1));
    out.data.forEach((v, p) => {
      expect(v).toBeCloseTo(p, 4);
    });
  });

  test('a flip mirrors rows; half of the images are flipped', () => {
    const outs = Array.from({ length: 200 }, (_, k) => augment(ramp, { ...still, flip: true }, space, createRng(k)));
    const flipped = outs.filter(o => Math.round(o.data[0]!) === 7);
    expect(flipped.length).toBeGreaterThan(70);
    expect(flipped.length).toBeLessThan(130);
    expect(Math.round(flipped[0]!.data[15]!)).toBe(8);
  });

  test('a shift brings in air', () => {
    const out = augment(ramp, { ...still, shift: 0.5 }, space, createRng(3));
    expect(Math.min(...out.data)).toBe(-1000);
  });

  test('stays finite, and follows from its seed', () => {
    fc.assert(
      fc.property(fc.integer(), seed => {
        for (const name of ['light', 'strong'] as const) {
          const [a, b] = [0, 1].map(() => augment(ramp, AUGMENTATIONS[name]!, space, createRng(seed)).data);
          expect(a).toEqual(b);
          expect(a!.every(Number.isFinite)).toBe(true);
        }
      }),
    );
  });
});

describe('splits', () => {
  const members = Array.from({ length: 120 }, (_, i) => ({
    patient: `p${Math.floor(i / 3)}`,
    label: Math.floor(i / 3) % 4 === 0 ? 'ill' : 'well',
  }));

  test('are drawn by patient, with both labels in each', () => {
    const splits = splitsOf(members, { seed: 1 });
    const of = (split: string) => members.filter((_, i) => splits[i] === split);
    for (const split of ['train', 'val', 'test']) {
      expect(new Set(of(split).map(m => m.label))).toEqual(new Set(['ill', 'well']));
    }
    expect(of('train').length).toBeGreaterThan(70);
    const patients = (split: string) => ({ patients: of(split).map(m => m.patient) });
    expect(crossings({ train: patients('train'), val: patients('val'), test: patients('test') }).size).toBe(0);
    expect(splitsOf(members, { seed: 1 })).toEqual(splits);
    expect(splitsOf(members, { seed: 2 })).not.toEqual(splits);
  });

  test("the data's own are kept, and only what is missing is drawn", () => {
    const own = members.map((m, i) => ({ ...m, split: i < 90 ? 'train' : 'validation' }));
    const splits = splitsOf(own, { seed: 1 });
    expect(splits.slice(90).every(s => s === 'val')).toBe(true);
    expect(new Set(splits.slice(0, 90))).toEqual(new Set(['train', 'test']));
    expect(splitsOf(own, { seed: 1, elsewhere: ['test'] }).slice(0, 90)).not.toContain('test');
  });

  test('that are no splits, or only partly there, are refused', () => {
    expect(() => splitsOf([{ ...members[0]!, split: 'holdout' }], { seed: 1 })).toThrow(/train, val or test/);
    const partly = [{ ...members[0]!, split: 'train' }, members[1]!];
    expect(() => splitsOf(partly, { seed: 1 })).toThrow(/1 of 2 images/);
  });

  test('patients in two of them are found', () => {
    const set = (...patients: string[]) => ({ patients });
    const found = crossings({ train: set('a', 'b', 'b'), val: set('b'), test: set('c', 'a') });
    expect([...found]).toEqual([
      ['a', ['train', 'test']],
      ['b', ['train', 'val']],
    ]);
  });
});

describe('schedule and batches', () => {
  test('the rate rises, then falls to 0', () => {
    const plan = toyPlan({ rate: 1, warmUp: 2, epochs: 10 });
    expect([0, 1, 2, 6, 10].map(t => rateAt(plan, t))).toEqual([0, 0.5, 1, expect.closeTo(0.5), expect.closeTo(0)]);
  });

  test('class weights even the classes out', () => {
    const labels = [0, 0, 0, 1];
    const weights = classWeights(labels, 3);
    expect(weights[0]! * 3).toBeCloseTo(weights[1]!);
    expect(labels.reduce((sum, l) => sum + weights[l]!, 0)).toBeCloseTo(4);
    expect(weights[2]).toBe(0);
  });

  test('targets of a batch sum to 1, and each epoch has its own order', () => {
    const plan = toyPlan();
    const set = toySet('batch', 24);
    const order = orderOf(plan, 24, 1);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, i) => i));
    expect(orderOf(plan, 24, 2)).not.toEqual(order);
    const { images, targets } = trainBatch(plan, cardOf(plan, ''), set, { epoch: 1, step: 1, order });
    expect(images).toHaveLength(12 * 32 * 32);
    expect(targets.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
  });

  test('a plan with another seed, rate or split is another plan', () => {
    const [first, ...others] = [toyPlan(), toyPlan({ seed: 2 }), toyPlan({ rate: 0.02 })].map(groupOf);
    expect([others[0] === first, others[1] === first]).toEqual([true, false]);
    const digests = [toyPlan(), toyPlan({ seed: 2 }), toyPlan({ rate: 0.02 }), toyPlan({ data: 'x' })].map(planDigest);
    expect(new Set(digests).size).toBe(4);
  });
});

describe('calibration', () => {
  test('finds what logits were multiplied with and shifted by', () => {
    const rng = createRng('calibration');
    const logits = Array.from({ length: 3000 }, () => [0, 1.5 * rng.normal()]);
    const labels = logits.map(z => (rng.next() < softmax(z)[1]! ? 1 : 0));
    const off = logits.map(z => z.map((v, c) => 3 * v - 2 * c));
    const found = calibrate(off, labels);
    expect(found.temperature).toBeGreaterThan(2.7);
    expect(found.temperature).toBeLessThan(3.3);
    expect(found.offsets[1]).toBeCloseTo(2 / 3, 0.8);
    const loss = negativeLogLikelihood(calibrated(off, found), labels);
    expect(loss).toBeLessThan(negativeLogLikelihood(logits, labels) + 1e-9);
  });

  test('of classes told apart perfectly, or of noise, stays within bounds', () => {
    const perfect = calibrate(
      [
        [0, 4],
        [4, 0],
      ],
      [1, 0],
    );
    expect(perfect.temperature).toBeGreaterThanOrEqual(0.2);
    const noise = calibrate(
      [
        [0, 4],
        [4, 0],
        [0, 4],
        [4, 0],
      ],
      [1, 0, 0, 1],
    );
    expect(noise.temperature).toBeLessThanOrEqual(5.0001);
  });

  test('has an offset for each class but the first', () => {
    const { offsets } = calibrate(
      [
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
        [0, 0, 0],
      ],
      [0, 1, 1, 2],
    );
    expect(offsets).toEqual([0, expect.closeTo(Math.log(2), 2), expect.closeTo(0, 2)]);
  });
});

describe('checkpoints', () => {
  const path = join(mkdtempSync(join(tmpdir(), 'ct-xai-checkpoint-')), 'checkpoint.bin');
  const held: Checkpoint = {
    plan: 'é',
    epoch: 3,
    step: 5,
    loss: 1.25,
    history: [],
    seconds: 9,
    now: new Map([
      ['a', Float32Array.of(1, 2, 3)],
      ['b', new Float32Array(0)],
    ]),
    best: { epoch: 2, state: new Map([['a', Float32Array.of(4, 5, 6)]]) },
  };

  test('come back as they were', async () => {
    expect(await readCheckpoint(path)).toBeUndefined();
    await writeCheckpoint(path, held);
    expect(await readCheckpoint(path)).toEqual(held);
    const { best, ...first } = held;
    await writeCheckpoint(path, first);
    expect(await readCheckpoint(path)).toEqual(first);
    expect(best).toBeDefined();
  });

  test('that are damaged are refused', async () => {
    await writeCheckpoint(path, held);
    truncateSync(path, 150);
    await expect(readCheckpoint(path)).rejects.toMatchObject({ code: 'IO' });
    writeFileSync(path, 'nonsense\n\n');
    await expect(readCheckpoint(path)).rejects.toMatchObject({ code: 'IO' });
    rmSync(join(path, '..'), { recursive: true });
  });
});

describe('images', () => {
  const card = cardOf(toyPlan(), '');
  const sample = (id: string, label?: string): Sample => ({
    id,
    patient: id,
    ...(label === undefined ? {} : { label }),
    hasMask: false,
    source: `row of ${id}`,
    load: async () => ({ source: { pixels: ramp, unit: 'grey' } }),
  });

  test('lie on the network’s grid in raw values, and are kept', async () => {
    const cacheDir = mkdtempSync(join(tmpdir(), 'ct-xai-images-'));
    let reads = 0;
    const options = { card, source: 'x', cacheDir, onProgress: () => reads++ };
    const samples = [sample('a', 'dark'), sample('b', 'bright')];
    const first = await loadImages(samples, options);
    const second = await loadImages(samples, options);
    rmSync(cacheDir, { recursive: true });
    expect(first.labels).toEqual([0, 1]);
    expect(first.image(1).shape).toEqual([32, 32]);
    expect(first.image(1).data[0]).toBe(0);
    expect(second.image(1)).toEqual(first.image(1));
    expect([reads, second.digest === first.digest]).toEqual([2, true]);
  });

  test('with a label that is no class, or none, are refused', async () => {
    const options = { card, source: 'x' };
    await expect(loadImages([sample('a', 'grey')], options)).rejects.toMatchObject({ code: 'LABEL' });
    await expect(loadImages([sample('a')], options)).rejects.toThrow(/row of a has no label/);
  });
});
