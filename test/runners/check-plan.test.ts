import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Plan } from '../../src/config/plan.ts';
import type { Sample } from '../../src/core/contracts/index.ts';
import { checkPlan } from '../../src/runners/check-plan.ts';
import { analyticEngine, plan, registryWith, world } from './world.ts';

let dir = '';
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ct-xai-check-plan-'));
  await world(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const IMAGES = 6;

/** Seconds that a run is expected to take, by a clock that stands still but where an image or a version of it is loaded. */
async function expected(
  suite: object,
  { milliseconds, versions, change = s => s }: Loading,
): Promise<number | undefined> {
  const made = await plan(dir, registryWith(analyticEngine()), suite);
  let clock = 0;
  const slow = (sample: Sample, i: number): Sample => {
    const changed = change(sample, i);
    return {
      ...changed,
      load: async (signal, variant) => {
        const loaded = await changed.load(signal);
        clock += variant === undefined ? milliseconds : (versions ?? milliseconds);
        return loaded;
      },
    };
  };
  const dataset: Plan['dataset'] = {
    ...made.dataset,
    async *samples() {
      let i = 0;
      for await (const sample of made.dataset.samples()) yield slow(sample, i++);
    },
  };
  return (await checkPlan({ ...made, dataset }, { now: () => clock })).seconds;
}

interface Loading {
  readonly milliseconds: number;
  readonly versions?: number;
  readonly change?: (sample: Sample, i: number) => Sample;
}

describe('the time that a run is expected to take', () => {
  it('holds the loading of each image', async () => {
    const [none, some] = [await expected({}, { milliseconds: 0 }), await expected({}, { milliseconds: 500 })];
    expect(some! - none!).toBeCloseTo(IMAGES * 0.5, 6);
  });

  it('is that of the first image that can be read', async () => {
    const broken = (sample: Sample, i: number): Sample =>
      i > 0 ? sample : { ...sample, load: () => Promise.reject(new Error('it is torn')) };
    const some = await expected({}, { milliseconds: 500, change: broken });
    expect(some! - (await expected({}, { milliseconds: 0, change: broken }))!).toBeCloseTo(IMAGES * 0.5, 6);
  });

  it('holds the versions by which the truth is found, of images that have most of them', async () => {
    const suite = { metrics: ['causal-rank'] };
    const factors = (count: number) => Array.from({ length: count }, (_, k) => ({ name: `f${k}`, role: 'lesion' }));
    const change = (sample: Sample, i: number) =>
      ({ ...sample, factors: factors(i === 2 ? 3 : 1), variants: ['without:f0', 'without:f1'] }) as Sample;
    const seconds = (versions: number, asked = suite) => expected(asked, { milliseconds: 0, versions, change });
    expect((await seconds(100))! - (await seconds(0))!).toBeCloseTo(IMAGES * 8 * 0.1, 6);
    // Nothing asks for the truth.
    const none = { metrics: ['pointing-game'] };
    expect((await seconds(100, none))! - (await seconds(0, none))!).toBeCloseTo(0, 6);
  });
});
