import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import type { Plan, PlannedModel } from '../../src/config/plan.ts';
import { smallExplainer } from '../../src/conformance/score.ts';
import type { MapRow, Row, ScoreRow } from '../../src/results/rows.ts';
import { createProgress } from '../../src/runners/progress-meter.ts';

const IMAGES = 10;
const model: PlannedModel = {
  id: 'small',
  digest: '',
  classOf: new Map(),
  card: { input: { size: [16, 16], channels: 1 }, classes: ['a', 'b'] } as unknown as PlannedModel['card'],
};
const deletion = builtinRegistry().metrics.get('deletion')!;
const plan = {
  models: [model],
  explainers: [{ id: 'small', explainer: smallExplainer, options: {} }],
  metrics: [{ id: 'deletion', metric: deletion, options: deletion.options.parse({}), baseline: 'air' }],
} as unknown as Plan;

const sample = (i: number): Row => ({ kind: 'sample', model: 'small', sample: `${i}`, status: 'ok' }) as unknown as Row;
const map = (i: number, forward: number, more: Partial<MapRow> = {}): Row => ({
  ...{ kind: 'map', model: 'small', sample: `${i}`, method: 'small', status: 'ok', ...more },
  passes: { forward, backward: 0 },
});
const score = (i: number, forward: number, more: Partial<ScoreRow> = {}): Row => ({
  ...{ kind: 'score', model: 'small', sample: `${i}`, method: 'small', metric: 'deletion', status: 'ok', ...more },
  passes: { forward, backward: 0 },
});

/** Runs images that cost so many passes, each of which takes so many milliseconds, and tells what was foretold after each. */
function foretold(cost: { map: number; score: number; saved?: number }, millisecondsPerPass: number) {
  let clock = 0;
  const meter = createProgress(plan, { images: IMAGES, explained: [IMAGES] }, () => clock);
  const told: (number | undefined)[] = [];
  const done: number[] = [];
  const end = (row: Row, passes: number) => {
    const progress = meter.advance(row, false);
    clock += passes * millisecondsPerPass;
    return progress;
  };
  const saved = cost.saved === undefined ? {} : { saved: { forward: cost.saved, backward: 0 } };
  for (let i = 0; i < IMAGES; i++) {
    end(sample(i), 1);
    end(map(i, cost.map), cost.map);
    const { secondsLeft, ...counted } = end(score(i, cost.score, saved), cost.score - (cost.saved ?? 0));
    told.push(secondsLeft);
    done.push(counted.done);
  }
  return { told, done, seconds: clock / 1000 };
}

describe('time left', () => {
  it.each([
    ['as many passes as expected', { map: 10, score: 45 }],
    ['hundreds of passes more than expected for a map', { map: 4000, score: 45 }],
    ['fewer passes than expected for a score', { map: 10, score: 5 }],
    ['passes that are taken from others', { map: 10, score: 200, saved: 190 }],
  ])('is right from the second image on: %s', (_, cost) => {
    const { told, done, seconds } = foretold(cost, 100);
    for (let i = 3; i < IMAGES - 1; i++) {
      const truly = (seconds * (IMAGES - 1 - i)) / IMAGES;
      expect(told[i]! / truly).toBeGreaterThan(0.75);
      expect(told[i]! / truly).toBeLessThan(1.35);
    }
    expect(told.at(-1)).toBe(0);
    expect(done).toEqual(Array.from({ length: IMAGES }, (_, i) => 3 * (i + 1)));
  });

  it('counts maps under other weights as a part of an explainer’s own map', () => {
    const meter = createProgress(plan, { images: IMAGES, explained: [IMAGES] }, () => 0);
    expect(meter.advance(map(0, 10), false).done).toBe(1);
    expect(meter.advance(map(0, 10, { modelVariant: 'randomised' } as Partial<MapRow>), false).done).toBe(1);
  });

  it('says nothing before there is something to go by, and counts what an earlier start did as done', () => {
    let clock = 0;
    const meter = createProgress(plan, { images: IMAGES, explained: [IMAGES] }, () => clock);
    expect(meter.advance(sample(0), false)).toEqual({ done: 1, total: 3 * IMAGES });
    for (let i = 0; i < 5; i++) expect(meter.advance(map(i, 1000), true).secondsLeft).toBeUndefined();
    clock = 60_000;
    expect(meter.advance(map(5, 1000), false).done).toBe(7);
  });
});
