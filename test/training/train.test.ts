import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readCard } from '../../src/config/card.ts';
import { createOnnxTrainer } from '../../src/engines/onnx/training/trainer.ts';
import { inputs } from '../../src/training/batches.ts';
import { softmax } from '../../src/training/evaluate.ts';
import { type TrainOptions, train } from '../../src/training/train.ts';
import type { TrainEvent } from '../../src/training/training-events.ts';
import { cardOf, type TrainPlan } from '../../src/training/training-plan.ts';
import { writeTrained } from '../../src/training/write.ts';
import { toyPlan, toySets } from './toy.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'ct-xai-train-'));
});
afterEach(() => rmSync(dir, { recursive: true }));

const sets = toySets();

function go(plan: TrainPlan, options: Partial<TrainOptions> = {}) {
  return train(plan, { dir, sets, createTrainer: createOnnxTrainer, now: () => 0, ...options });
}

/** A signal that aborts after some steps. */
function stopAfter(steps: number): Pick<TrainOptions, 'signal' | 'onEvent'> {
  const controller = new AbortController();
  let seen = 0;
  return {
    signal: controller.signal,
    onEvent: event => {
      if (event.kind === 'step' && ++seen === steps) controller.abort();
    },
  };
}

test('learns what can be learnt, and ships it', async () => {
  const events: TrainEvent[] = [];
  const plan = toyPlan();
  const trained = await go(plan, { onEvent: e => events.push(e) });
  expect(trained.test.auc.value).toBeGreaterThan(0.95);
  expect(trained.test.patients).toBe(16);
  expect(trained.history).toHaveLength(6);
  expect(trained.history.at(-1)!.loss).toBeLessThan(trained.history[0]!.loss);
  expect(events.filter(e => e.kind === 'epoch')).toHaveLength(6);

  const files = await writeTrained(dir, plan, trained, { version: '0', licence: 'MIT', warnings: ['Beware.'] });
  expect(files.map(f => f.slice(dir.length + 1))).toEqual(['model.onnx', 'model.yaml', 'training.json']);
  expect(readdirSync(dir).sort()).toEqual(['model.onnx', 'model.yaml', 'training.json']);
  const card = await readCard(dir);
  expect(card).toMatchObject({ classes: ['dark', 'bright'], licence: 'MIT', camLayer: 'relu-7' });
  expect(card.training).toMatch(/Discs.*Beware/s);
  expect(card.performance?.auc).toBeCloseTo(trained.test.auc.value!, 3);
  expect(JSON.parse(readFileSync(join(dir, 'training.json'), 'utf8'))).toMatchObject({ best: trained.best });

  // The figures are those of the file.
  const session = await InferenceSession.create(join(dir, 'model.onnx'));
  const raw = Array.from({ length: sets.test.count }, (_, i) => sets.test.image(i));
  const image = new Tensor('float32', inputs(raw, cardOf(plan, '')), [raw.length, 1, 32, 32]);
  const logits = (await session.run({ image })).logits!.data as Float32Array;
  const right = raw.filter((_, i) => {
    const p = softmax([...logits.subarray(2 * i, 2 * i + 2)]);
    return (p[1]! > p[0]! ? 1 : 0) === sets.test.labels[i];
  }).length;
  expect(right / raw.length).toBe(trained.test.accuracy.value);
});

test('goes on after an interruption as if there had been none', async () => {
  const plan = toyPlan({ epochs: 3 });
  const whole = await go(plan, { dir: join(dir, 'whole') });
  const broken = join(dir, 'broken');
  // Within the first epoch, and at the end of the second.
  await expect(go(plan, { dir: broken, ...stopAfter(2) })).rejects.toMatchObject({ code: 'INTERRUPTED' });
  await expect(go(plan, { dir: broken, ...stopAfter(6) })).rejects.toMatchObject({ code: 'INTERRUPTED' });
  const events: TrainEvent[] = [];
  const resumed = await go(plan, { dir: broken, onEvent: e => events.push(e) });
  expect(events[0]).toMatchObject({ kind: 'start', resumed: 1 });
  expect(resumed.history).toEqual(whole.history);
  expect(Buffer.from(resumed.bytes).equals(Buffer.from(whole.bytes))).toBe(true);
});

test('ends early where the validation AUC does not rise', async () => {
  const trained = await go(toyPlan({ epochs: 30, rate: 1e-12, patience: 2 }));
  expect(trained.history.length).toBeLessThan(30);
  expect(trained.history.length - trained.best).toBe(2);
});

test('refuses the checkpoint of another plan, unless told to drop it', async () => {
  await expect(go(toyPlan({ epochs: 1 }), stopAfter(1))).rejects.toMatchObject({ code: 'INTERRUPTED' });
  expect(existsSync(join(dir, 'checkpoint.bin'))).toBe(true);
  const other = toyPlan({ epochs: 1, seed: 'another' });
  await expect(go(other)).rejects.toMatchObject({ code: 'RUN_FOLDER', hint: expect.stringMatching(/--fresh/) });
  expect((await go(other, { fresh: true })).history).toHaveLength(1);
});

test('SGD learns too, and three classes have three', async () => {
  const sgd = await go(toyPlan({ epochs: 4, rate: 0.1, optimiser: { name: 'sgd', decay: 1e-4, averaging: 0 } }));
  expect(sgd.test.auc.value).toBeGreaterThan(0.9);
  const three = toySets(24);
  for (const set of Object.values(three))
    (set as { labels: readonly number[] }).labels = set.labels.map((_, i) => i % 3);
  const plan = toyPlan({ classes: ['a', 'b', 'c'], epochs: 1 });
  const trained = await go(plan, { dir: join(dir, 'three'), sets: three });
  expect(trained.test.confusion).toHaveLength(3);
});

test('a training that starts from trained weights begins better, and takes only weights that fit', async () => {
  const plan = toyPlan({ epochs: 4 });
  const first = await go(plan);
  await writeTrained(dir, plan, first, { version: '0', warnings: [] });
  const start = join(dir, 'model.onnx');
  const again = toyPlan({ epochs: 1, rate: 1e-4, start: { name: 'first', digest: 'x' } });
  const further = await go(again, { dir: join(dir, 'further'), start });
  const anew = await go(toyPlan({ epochs: 1, rate: 1e-4 }), { dir: join(dir, 'anew') });
  expect(further.validation.auc.value!).toBeGreaterThan(anew.validation.auc.value!);
  const wider = go(toyPlan({ epochs: 1, width: 0.5 }), { dir: join(dir, 'wider'), start });
  await expect(wider).rejects.toMatchObject({ code: 'MODEL', hint: expect.stringMatching(/--width/) });
});

test('the best epoch is that with the best mean of several, once there are so many', async () => {
  const [alone, smooth] = await Promise.all(
    [1, 3].map(n => go(toyPlan({ epochs: 6, smooth: n }), { dir: join(dir, `smooth-${n}`) })),
  );
  expect(smooth!.history).toEqual(alone!.history);
  const aucs = alone!.history.map(r => r.validationAuc!);
  const means = aucs.map((_, i) => (aucs[i]! + aucs[i - 1]! + aucs[i - 2]!) / 3);
  const most = Math.max(...means.slice(2));
  expect(smooth!.best).toBeGreaterThanOrEqual(3);
  expect(means[smooth!.best - 1]).toBe(most);
  expect(aucs[alone!.best - 1]).toBe(Math.max(...aucs));
  // Fewer epochs than are averaged: the last.
  expect((await go(toyPlan({ epochs: 2, smooth: 5 }), { dir: join(dir, 'short') })).best).toBe(2);
});
