import { describe, expect, test } from 'vitest';
import { smoothModel } from '../../src/conformance/models.ts';
import type { DeviceTime, Explainer, FullClassifier } from '../../src/core/contracts/index.ts';
import { defineExplainer, type ExplainerSpec } from '../../src/core/define.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';
import type { Row, TimingRow } from '../../src/results/rows.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { analyticEngine, registryWith, run, SIZE, world } from './world.ts';

// biome-ignore lint/suspicious/noExplicitAny: any options
type Explain = ExplainerSpec<readonly [], any>['explain'];

function explainer(name: string, explain: Explain): Explainer {
  return defineExplainer({ name, title: name, cite: 'none', kind: 'ranking', explain });
}

const batchOf = (data: Float32Array, count: number) => ({
  count,
  write: (_: number, out: Float32Array) => out.set(data),
});

async function timed(explainers: readonly Explainer[], timing: object = {}): Promise<Map<string, TimingRow>> {
  const dir = await world(await temporaryFolder(), 1);
  const { rows } = await run(dir, registryWith(analyticEngine(), { explainers }), {
    suite: {
      explainers: explainers.map(e => e.name),
      controls: [],
      metrics: [],
      timing: { samples: 2, repeats: 6, ...timing },
    },
  });
  return byMethod(rows);
}

function byMethod(rows: readonly Row[]): Map<string, TimingRow> {
  return new Map(rows.flatMap(r => (r.kind === 'timing' ? [[r.method, r]] : [])));
}

describe('a method that computes lazily', () => {
  test('is timed with its work: values are asked for inside the window, each once', async () => {
    let asked = 0;
    const lazy = explainer('lazy', async ({ image }) => {
      const map = { shape: [SIZE, SIZE] } as unknown as ReturnType<typeof tensor>;
      Object.defineProperty(map, 'data', {
        get() {
          asked++;
          return image.data.slice();
        },
      });
      return { map };
    });
    let awaited = 0;
    const thenable = explainer('thenable', (({ image }: { image: Tensor }) => ({
      // biome-ignore lint/suspicious/noThenProperty: the trap
      then(resolve: (value: unknown) => void) {
        awaited++;
        resolve({ map: tensor([SIZE, SIZE], image.data.slice()) });
      },
    })) as unknown as Explain);
    const rows = await timed([lazy, thenable]);
    expect([...rows.values()].map(row => row.status)).toEqual(['ok', 'ok']);
    // 2 images explained, 1 first call, 6 repeats, 3 pairs: one access each, within the call that is timed.
    expect([asked, awaited]).toEqual([2 + 1 + 6 + 2 * 3, 2 + 1 + 6 + 2 * 3]);
  });

  test('that does not wait for its passes is waited for, and says so', async () => {
    const hasty = explainer('hasty', async ({ image, model, signal }) => {
      void model.scores(batchOf(image.data, 3), { as: 'logit', signal });
      return { map: tensor([SIZE, SIZE], image.data.slice()) };
    });
    const slow = (inner: FullClassifier): FullClassifier => ({
      ...inner,
      async scores(batch, options) {
        // Later than the map, which is returned at once.
        for (let turn = 0; turn < 20; turn++) await new Promise(resolve => setImmediate(resolve));
        return inner.scores(batch, options);
      },
      metered: meter => slow(inner.metered(meter) as FullClassifier),
    });
    const dir = await world(await temporaryFolder(), 1);
    const { rows } = await run(dir, registryWith(analyticEngine({ wrap: slow }), { explainers: [hasty] }), {
      suite: { explainers: ['hasty'], controls: [], metrics: [], timing: { samples: 1, repeats: 3 } },
    });
    const row = byMethod(rows).get('hasty')!;
    expect(row.remarks!.join()).toContain('1 passes in flight');
  });
});

describe('a method that does its work in the warm-up', () => {
  test('and then remembers maps by image is found by its passes, and timed on images it has not seen', async () => {
    const known = new Map<string, Float32Array>();
    const remembering = explainer('remembering', async ({ image, model, signal }) => {
      const key = image.data.join();
      if (!known.has(key)) {
        await model.scores(batchOf(image.data, 8), { as: 'logit', signal });
        known.set(key, image.data.slice());
      }
      return { map: tensor([SIZE, SIZE], known.get(key)!.slice()) };
    });
    const row = (await timed([remembering])).get('remembering')!;
    expect(row.passes).toEqual({ forward: 8, backward: 0 });
    expect(row.remarks!.join()).toContain('it remembers: it asks for fewer passes');
  });

  test('for whatever image comes later is found by its first call', async () => {
    // The run itself calls it first: a new plugin state per model is what a timing phase sees.
    let first = true;
    const ahead = explainer('ahead', async ({ image, model, signal }) => {
      const count = first ? 50 : 1;
      first = false;
      await model.scores(batchOf(image.data, count), { as: 'logit', signal });
      return { map: tensor([SIZE, SIZE], image.data.slice()) };
    });
    const dir = await world(await temporaryFolder(), 1);
    const suite = { explainers: ['ahead'], controls: [], metrics: [], timing: { samples: 1, repeats: 3 } };
    const registry = registryWith(analyticEngine(), { explainers: [ahead] });
    await run(dir, registry, { suite: { ...suite, timing: false } });
    first = true;
    const { rows } = await run(dir, registry, { suite });
    expect(byMethod(rows).get('ahead')!.remarks!.join()).toContain('its first call asked for 50 passes');
  });
});

/** A device with a clock of its own: every image scored takes it 2 ms in two streams that half overlap. */
function tracedModel(inner: FullClassifier, trace: boolean): FullClassifier {
  let label: string | undefined;
  const images = new Map<string, number>();
  const wrap = (m: FullClassifier): FullClassifier => ({
    ...m,
    runtime: { ...m.runtime, device: 'webgpu', deviceName: 'a test device' },
    scores(batch, options) {
      if (label !== undefined) images.set(label, (images.get(label) ?? 0) + batch.count);
      return m.scores(batch, options);
    },
    metered: meter => wrap(m.metered(meter) as FullClassifier),
    placements: async () => [
      { graph: 'forward', operators: { webgpu: 5, cpu: 2 }, elsewhere: { Resize: 2 } },
      { graph: 'gradient', operators: { webgpu: 5, cpu: 1 }, elsewhere: { Softmax: 1 } },
    ],
    ...(trace
      ? {
          tracer: {
            source: 'timestamp queries',
            begin(next: string) {
              label = next;
            },
            end: async () =>
              new Map(
                [...images].map(([name, n]): [string, DeviceTime] => [
                  name,
                  { unionMs: 2 * n, sumMs: 3 * n, kernels: n, transferMs: 0.5 * n, peakMemoryMb: 10 + n },
                ]),
              ),
          },
        }
      : {}),
  });
  return wrap(inner);
}

describe('a device with a clock of its own', () => {
  const model = () => smoothModel({ height: SIZE, width: SIZE, classes: 2 });
  const passes = (n: number) =>
    explainer(`passes-${n}`, async ({ image, model: m, signal }) => {
      await m.scores(batchOf(image.data, n), { as: 'logit', signal });
      return { map: tensor([SIZE, SIZE], image.data.slice()) };
    });
  const engine = (clock: boolean, opened: (boolean | undefined)[] = []) => ({
    ...analyticEngine(),
    devices: ['cpu', 'webgpu'],
    open: async (_: unknown, { trace }: { trace?: boolean }) => {
      opened.push(trace);
      return tracedModel(model(), clock && trace === true);
    },
  });
  const explainers = [passes(3), passes(6)];
  const suite = (more: object = {}) => ({
    explainers: ['passes-3', 'passes-6'],
    controls: [],
    metrics: [],
    timing: { samples: 2, repeats: 4, ...more },
  });

  test('is read in calls apart, on a model opened for it, without their warm-up', async () => {
    const dir = await world(await temporaryFolder(), 1);
    const opened: (boolean | undefined)[] = [];
    const { rows } = await run(dir, registryWith(engine(true, opened), { explainers }), { suite: suite() });
    expect(opened.filter(Boolean)).toHaveLength(1);
    const found = byMethod(rows);
    for (const n of [3, 6]) {
      expect(found.get(`passes-${n}`)).toMatchObject({
        deviceMs: { p50: 2 * n, sumP50: 3 * n, samples: 4, wallP50: expect.any(Number) },
        deviceTimeSource: 'timestamp queries',
        transferMs: 0.5 * n,
        deviceMemoryMb: 10 + n,
        device: 'webgpu',
        deviceName: 'a test device',
        // Gradient graphs are none of theirs.
        elsewhere: { Resize: 2 },
      });
    }
  });

  test('without one the columns stay empty, with the reason', async () => {
    const dir = await world(await temporaryFolder(), 1);
    const { rows } = await run(dir, registryWith(engine(false), { explainers }), { suite: suite() });
    const row = byMethod(rows).get('passes-3')!;
    expect([row.deviceMs, row.deviceTimeSource, row.transferMs]).toEqual([undefined, undefined, undefined]);
    expect(row.absent!['device_ms']).toContain('offers no device clock');
  });

  test('several devices are timed side by side, and each is done once', async () => {
    const dir = await world(await temporaryFolder(), 1);
    const registry = registryWith(engine(true), { explainers });
    const change = { suite: suite({ devices: ['webgpu', 'analytic/cpu', 'nowhere/cpu'] }) };
    const { rows, counts } = await run(dir, registry, change);
    const timings = rows.filter(r => r.kind === 'timing');
    expect(timings.map(r => [r.asked, r.method, r.status])).toEqual([
      ['analytic/cpu', 'passes-3', 'ok'],
      ['nowhere/cpu', 'passes-3', 'failed'],
      ['webgpu', 'passes-3', 'ok'],
      ['analytic/cpu', 'passes-6', 'ok'],
      ['nowhere/cpu', 'passes-6', 'failed'],
      ['webgpu', 'passes-6', 'ok'],
    ]);
    expect(counts.timing).toEqual({ ok: 4, failed: 2 });
    expect((await run(dir, registry, change)).counts.timing).toEqual({ ok: 4, failed: 2 });
  });
});
