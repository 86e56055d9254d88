import { describe, expect, test } from 'vitest';
import { smoothModel } from '../../src/conformance/models.ts';
import { defineExplainer } from '../../src/core/define.ts';
import { tensor } from '../../src/core/tensor.ts';
import type { Row, TimingRow } from '../../src/results/rows.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { analyticEngine, registryWith, run, SIZE, world } from './world.ts';

/** An explainer that notes its calls. */
function noting(name: string, calls: string[], requires: readonly ('gradients' | 'layers')[] = []) {
  return defineExplainer({
    name,
    title: name,
    cite: 'none',
    kind: 'ranking',
    requires,
    async explain({ image, model, signal }) {
      calls.push(name);
      await model.scores({ count: 2, write: (_, out) => out.set(image.data) }, { as: 'logit', signal });
      return { map: tensor([SIZE, SIZE], image.data.slice()) };
    },
  });
}

const timings = (rows: readonly Row[]) => rows.filter((r): r is TimingRow => r.kind === 'timing');

describe('the timing phase', () => {
  test('times each method as often as asked, in blocks that each have every method once', async () => {
    const dir = await world(await temporaryFolder(), 2);
    const calls: string[] = [];
    const explainers = ['a', 'b', 'c'].map(name => noting(name, calls));
    const { rows, counts } = await run(dir, registryWith(analyticEngine(), { explainers }), {
      suite: { explainers: ['a', 'b', 'c'], controls: [], metrics: [], timing: { samples: 2, repeats: 7 } },
    });
    expect(counts.timing).toEqual({ ok: 3 });
    for (const row of timings(rows)) {
      expect(row).toMatchObject({ samples: 7, passes: { forward: 2, backward: 0 }, engine: 'analytic', device: 'cpu' });
      expect(row.wallMs!.min).toBeLessThanOrEqual(row.wallMs!.p50);
      expect(row.wallMs!.p95).toBeUndefined();
      // On the CPU the device's clock is the process's own.
      expect(row).toMatchObject({ deviceTimeSource: 'process CPU time', deviceMs: { samples: 7 } });
      expect(row.deviceMs!.sumP50).toBeUndefined();
      expect(row.transferMs).toBeUndefined();
      expect(row.jsMs!).toBeGreaterThan(0);
      expect(row.openMs!).toBeGreaterThan(0);
      expect(row.calls!.map(([image]) => image)).toEqual([0, 1, 0, 1, 0, 1, 0]);
      expect(row.machine!.cores).toBeGreaterThan(0);
      expect(row.remarks).toBeUndefined();
      expect(row.energyJ === undefined).toBe(row.absent?.['energy_j'] !== undefined);
    }
    // 4 images, then the first call of each, then 7 blocks, then three pairs of each.
    const blocks = calls.slice(4 * 3 + 3, -3 * 3 * 2);
    expect(blocks).toHaveLength(21);
    const orders = new Set<string>();
    for (let i = 0; i < blocks.length; i += 3) {
      expect([...blocks.slice(i, i + 3)].sort()).toEqual(['a', 'b', 'c']);
      orders.add(blocks.slice(i, i + 3).join());
    }
    expect(orders.size).toBeGreaterThan(1);
  });

  test('gives a 95th percentile only from 60 repeats on, and is not done again', async () => {
    const dir = await world(await temporaryFolder(), 1);
    const calls: string[] = [];
    const registry = registryWith(analyticEngine(), { explainers: [noting('a', calls)] });
    const suite = { explainers: ['a'], controls: [], metrics: [], timing: { samples: 1, repeats: 60 } };
    const { rows } = await run(dir, registry, { suite });
    expect(timings(rows)[0]!.wallMs!.p95).toBeGreaterThan(0);
    const before = calls.length;
    await run(dir, registry, { suite });
    expect(calls.length).toBe(before);
  });

  test('stops a slow method once every image was timed', async () => {
    const dir = await world(await temporaryFolder(), 2);
    const { rows } = await run(dir, registryWith(analyticEngine()), {
      suite: { controls: [], metrics: [], timing: { samples: 3, repeats: 100, seconds: 1e-9 } },
    });
    expect(timings(rows).map(r => r.samples)).toEqual([3, 3, 3]);
  });

  test('ends where its time is up: what has begun is timed once, and every row says so', async () => {
    const dir = await world(await temporaryFolder(), 2);
    const { rows } = await run(dir, registryWith(analyticEngine()), {
      suite: { controls: [], metrics: [], timing: { samples: 3, repeats: 100, most: 1e-6 } },
    });
    const [first, ...others] = timings(rows);
    expect(first).toMatchObject({ status: 'ok', samples: 1 });
    expect(first!.remarks).toContainEqual(expect.stringContaining('timing.most'));
    for (const row of others) {
      expect(row).toMatchObject({ status: 'skipped', reason: expect.stringContaining('timing.most') });
    }
  });

  test('has a row with the reason for methods that can not run, and none for copied maps', async () => {
    const dir = await world(await temporaryFolder(), 1);
    const broken = defineExplainer({
      name: 'broken',
      title: 'Broken',
      cite: 'none',
      kind: 'ranking',
      async explain() {
        throw new Error('no way');
      },
    });
    const model = { ...smoothModel({ height: SIZE, width: SIZE, classes: 2 }), capabilities: new Set<never>() };
    const { rows } = await run(dir, registryWith(analyticEngine({ model }), { explainers: [broken] }), {
      suite: {
        explainers: ['broken', 'grad-cam'],
        controls: ['shuffled'],
        metrics: [],
        timing: { samples: 1, repeats: 1 },
      },
    });
    expect(timings(rows).map(r => [r.method, r.status, r.reason])).toEqual([
      ['broken', 'failed', 'no way'],
      ['grad-cam', 'skipped', "the model has no layers on the engine 'analytic'"],
    ]);
  });
});
