import { readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { readCard } from '../../src/config/card.ts';
import { imageBatch } from '../../src/core/batch.ts';
import { auc, rocOrder } from '../../src/core/statistics/roc.ts';
import { prepare } from '../../src/data/preparation/prepare.ts';
import { phantom } from '../../src/data/readers/phantom.ts';
import { onnxEngine } from '../../src/engines/onnx/onnx-engine.ts';
import { repository } from '../config/fixtures.ts';

const PATIENTS = 40;
const test40 = phantom.open({ split: 'test', patients: PATIENTS, slices: 1 }, { base: '.' });

test.each(['phantom-cnn', 'phantom-densenet'])('%s is as good as its card says', async name => {
  const card = await readCard(join(repository, 'models', name));
  expect(card.classes).toEqual(['non-covid', 'covid']);
  expect(statSync(card.file).size).toBeLessThan(3e6);
  const figures = card.performance!;
  expect(figures.auc).toBeGreaterThan(0.85);
  // Errors must exist to be explained.
  expect(figures.accuracy).toBeLessThan(0.98);
  const history = JSON.parse(readFileSync(join(dirname(card.file), 'training.json'), 'utf8'));
  expect(history.test.auc.value).toBeCloseTo(figures.auc!, 3);

  const model = await onnxEngine.open(card, { device: 'cpu', workers: 1, threads: 1, microBatch: 4 });
  const layers = await model.layers();
  expect(layers.find(l => l.cam)?.name).toBe(card.camLayer);
  const scores: number[] = [];
  const positive: boolean[] = [];
  for await (const sample of (await test40).samples()) {
    const { source } = await sample.load();
    const probabilities = await model.scores(imageBatch(prepare(source, card).input), { as: 'probability' });
    scores.push(probabilities.data[1]!);
    positive.push(sample.label === 'covid');
  }
  await model.close();
  const measured = auc(rocOrder(scores, positive))!;
  // Hanley and McNeil's standard error with 20 patients of each kind is about 0.05.
  expect(Math.abs(measured - figures.auc!)).toBeLessThan(0.13);
});
