import { readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { smoothModel } from '../../src/conformance/models.ts';
import type { FullClassifier, OpenOptions } from '../../src/core/contracts/index.ts';
import { defineExplainer, defineMetric } from '../../src/core/define.ts';
import { CtXaiError } from '../../src/core/errors.ts';
import { filled, tensor } from '../../src/core/tensor.ts';
import { analyse } from '../../src/reports/analysis/analyse.ts';
import { collect } from '../../src/reports/summary/collect.ts';
import type { MapRow, Row, ScoreRow } from '../../src/results/rows.ts';
import type { RunEvent } from '../../src/runners/events.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { analyticEngine, registryWith, rowsOf, run, SIZE, withoutSaved, world } from './world.ts';

const TABLES = ['samples.csv', 'scores.csv', 'timings.csv', 'curves/index.csv', 'curves/net/deletion.air.npy'];

async function tables(dir: string): Promise<string[]> {
  return Promise.all(TABLES.map(file => readFile(join(dir, file), 'latin1')));
}

const maps = (rows: readonly Row[]) => rows.filter((r): r is MapRow => r.kind === 'map');
const scores = (rows: readonly Row[]) => rows.filter((r): r is ScoreRow => r.kind === 'score');

describe('a run', () => {
  test('has a row for every image, map and score, and says how it went', async () => {
    const dir = await world(await temporaryFolder());
    const { rows, counts, state, manifest } = await run(dir, registryWith(analyticEngine()));
    expect(state).toBe('complete');
    // 6 images; 3 methods, random, and 3 shuffled; 3 metrics.
    expect(counts).toMatchObject({ sample: { ok: 6 }, map: { ok: 42 } });
    expect(scores(rows)).toHaveLength(6 * 7 * 3);
    const noMask = scores(rows).filter(r => r.metric === 'pointing-game' && r.status === 'skipped');
    expect(noMask).toHaveLength(4 * 7);
    expect(noMask[0]!.reason).toBe('the image has no mask');
    expect(scores(rows).every(r => r.status === 'ok' || r.metric === 'pointing-game')).toBe(true);
    expect(manifest.models[0]!.runtime).toMatchObject({ engine: 'analytic', camLayer: 'features' });
    expect(manifest.endedAt).toBeDefined();
  });

  test('explains the positives alone where it is told to, and predicts the others', async () => {
    const dir = await world(await temporaryFolder());
    const { rows, counts } = await run(dir, registryWith(analyticEngine()), {
      suite: { explain: 'positives' },
    });
    expect(counts.sample).toEqual({ ok: 6 });
    expect(new Set(maps(rows).map(r => r.sample))).toEqual(
      new Set(rows.flatMap(r => (r.kind === 'sample' && r.label === 'yes' ? [r.sample] : []))),
    );
    // 3 of the 6 images; `shuffled` borrows from among them.
    expect(maps(rows)).toHaveLength(21);
  });

  test('a full audit scores methods again with one thing changed, apart from all that is compared', async () => {
    const dir = await world(await temporaryFolder());
    const metrics = [
      { use: 'deletion', options: { steps: 4, score: 'margin' } },
      { use: 'faithfulness-correlation', options: { patchPixels: 4 } },
    ];
    const { rows, manifest, counts } = await run(dir, registryWith(analyticEngine()), {
      suite: { audit: 'full', metrics },
    });
    expect(counts.score?.failed).toBeUndefined();
    const of = (metric: string) => scores(rows).filter(r => r.metric === metric && r.method === 'lime');
    expect(manifest.repetitions!.map(r => r.id)).toContain('deletion~seed');
    const known = of('deletion').map(r => r.value);
    expect(known).toHaveLength(6);
    for (const change of ['ties', 'seed', 'baseline', 'steps']) {
      const values = of(`deletion~${change}`).map(r => r.value);
      expect(values, change).toHaveLength(6);
      expect(values, change).not.toEqual(known);
    }
    expect(of('deletion~seed').every(r => r.replicate === 1)).toBe(true);
    // Other sets of patches have the name of the first, and are not taken for them.
    expect(of('faithfulness-correlation~ties').map(r => r.value)).not.toEqual(
      of('faithfulness-correlation').map(r => r.value),
    );
    // Grad-CAM draws nothing, and controls are not scored again.
    expect(scores(rows).some(r => r.metric === 'deletion~seed' && r.method === 'grad-cam')).toBe(false);
    expect(scores(rows).some(r => r.metric === 'deletion~ties' && r.method === 'random')).toBe(false);
    const summary = await collect(manifest, rows);
    expect(new Set(summary.scores.map(c => c.metric))).toEqual(new Set(['deletion', 'faithfulness-correlation']));
    const { models } = analyse({ manifest, summary });
    expect(models[0]!.stability.map(s => [s.metric, s.repeated.map(r => r.change)])).toEqual([
      ['deletion', ['ties', 'seed', 'baseline', 'steps']],
      ['faithfulness-correlation', ['ties', 'seed', 'baseline', 'steps']],
    ]);
  });

  test('counts what methods and metrics demand, and shares equal work without hiding it', async () => {
    const dir = await world(await temporaryFolder());
    let passes = 0;
    const wrap = (model: FullClassifier): FullClassifier => ({
      ...model,
      metered: meter => {
        const inner = model.metered(meter);
        return {
          ...inner,
          async scores(batch, options) {
            passes += batch.count;
            return inner.scores(batch, options);
          },
        };
      },
    });
    const suite = {
      controls: [],
      metrics: [
        { use: 'deletion', options: { steps: 4 } },
        { use: 'deletion', id: 'again', options: { steps: 4 } },
      ],
    };
    const { rows } = await run(dir, registryWith(analyticEngine({ wrap })), { suite });
    const of = (id: string) => maps(rows).find(r => r.method === id)!.passes;
    expect(of('grad-cam')).toEqual({ forward: 1, backward: 1 });
    expect(of('lime')).toEqual({ forward: 20, backward: 0 });
    for (const row of scores(rows)) expect(row.passes!.forward).toBeGreaterThanOrEqual(3 + 2);
    const demanded = [...maps(rows), ...scores(rows)].reduce((n, r) => n + r.passes!.forward, 0);
    const gradients = maps(rows).reduce((n, r) => n + r.passes!.backward, 0);
    expect(passes).toBeLessThan(demanded - gradients);
    const byMetric = (id: string) =>
      scores(rows)
        .filter(r => r.metric === id)
        .map(r => [r.value, r.passes]);
    expect(byMetric('again')).toEqual(byMetric('deletion'));
  });

  test('of the same suite and seed has the same rows; of another seed others', async () => {
    const dir = await world(await temporaryFolder());
    const registry = registryWith(analyticEngine());
    const first = await run(dir, registry);
    const second = await run(dir, registry, { out: 'again' });
    expect(second.rows).toEqual(first.rows);
    const third = await run(dir, registry, { out: 'other', suite: { seed: 2 } });
    const values = (rows: readonly Row[]) =>
      scores(rows)
        .filter(r => r.method === 'random')
        .map(r => r.value);
    expect(values(third.rows)).not.toEqual(values(first.rows));
  });

  test('pairs shuffled maps by the class explained, across patients', async () => {
    const dir = await world(await temporaryFolder());
    const { rows } = await run(dir, registryWith(analyticEngine()));
    const samples = new Map(rows.flatMap(r => (r.kind === 'sample' ? [[r.sample, r] as const] : [])));
    const shuffled = maps(rows).filter(r => r.method.startsWith('shuffled('));
    expect(shuffled).toHaveLength(18);
    for (const row of shuffled) {
      const others = [...samples.values()].filter(s => s.target === row.target && s.sample !== row.sample);
      if (row.status === 'undefined') expect(others).toEqual([]);
      else expect(others.map(s => s.sample)).toContain(row.notes!.donor);
    }
    expect(shuffled.some(row => row.status === 'ok')).toBe(true);
    // What a map scores depends on the image it is scored on.
    expect(maps(rows).find(r => r.method === 'shuffled(lime)')!.passes).toEqual({ forward: 0, backward: 0 });
  });
});

describe('resuming', () => {
  test('after an interruption at any unit ends in the same tables', async () => {
    const dir = await world(await temporaryFolder(), 2);
    const registry = registryWith(analyticEngine());
    const whole = await run(dir, registry);
    const expected = await tables(whole.dir);
    for (const stopAt of [1, 2, 9, 30, 55, 80]) {
      const out = `stop-${stopAt}`;
      const controller = new AbortController();
      let units = 0;
      const onEvent = (event: RunEvent) => {
        if (event.kind === 'row' && ++units === stopAt) controller.abort();
      };
      const stopped = await run(dir, registry, { out, onEvent, signal: controller.signal });
      expect(stopped.state).toBe('interrupted');
      expect(stopped.rows.length).toBeLessThan(whole.rows.length);
      const resumed = await run(dir, registry, { out });
      expect(resumed.state).toBe('complete');
      expect(resumed.manifest.resumed).toBe(1);
      expect(resumed.rows.map(withoutSaved)).toEqual(whole.rows.map(withoutSaved));
      expect(await tables(resumed.dir)).toEqual(expected);
    }
  });

  test('with a journal torn anywhere ends in the same tables', async () => {
    const dir = await world(await temporaryFolder(), 2);
    const registry = registryWith(analyticEngine());
    const whole = await run(dir, registry);
    const expected = await tables(whole.dir);
    const journal = join(whole.dir, 'results.jsonl');
    const { length } = await readFile(journal);
    for (const share of [0, 0.13, 0.37, 0.61, 0.9]) {
      await truncate(journal, Math.floor(share * length));
      const resumed = await run(dir, registry);
      expect(resumed.rows.map(withoutSaved)).toEqual(whole.rows.map(withoutSaved));
      expect(await tables(resumed.dir)).toEqual(expected);
    }
  });

  test('does no unit again, takes the settings that the run began with, and remakes a lost map', async () => {
    const dir = await world(await temporaryFolder(), 2);
    const opened: OpenOptions[] = [];
    let explained = 0;
    const counting = defineExplainer({
      name: 'counting',
      title: 'Counting',
      cite: 'none',
      kind: 'ranking',
      async explain({ image }) {
        explained++;
        return { map: tensor([SIZE, SIZE], image.data.slice(0, SIZE * SIZE)) };
      },
    });
    const registry = registryWith(
      analyticEngine({
        onOpen: options => opened.push(options),
        wrap: m => ({ ...m, runtime: { ...m.runtime, microBatch: 7, workers: 2, threads: 3, device: 'cpu' } }),
      }),
      { explainers: [counting] },
    );
    const suite = { explainers: ['counting'], controls: [] };
    const first = await run(dir, registry, { suite });
    expect(explained).toBe(4);
    await run(dir, registry, { suite });
    expect(explained).toBe(4);
    expect(opened).toHaveLength(1);

    const map = maps(first.rows)[0]!;
    const lines = (await readFile(join(first.dir, 'results.jsonl'), 'utf8')).split('\n');
    const kept = lines.filter(l => !(l.includes('"kind":"score"') && l.includes(JSON.stringify(map.sample))));
    await writeFile(join(first.dir, 'results.jsonl'), kept.join('\n'));
    await rm(join(first.dir, map.file!));
    const again = await run(dir, registry, { suite });
    expect(explained).toBe(5);
    expect(opened[1]).toMatchObject({ microBatch: 7, workers: 2, threads: 3, device: 'cpu' });
    expect(again.rows).toEqual(first.rows);
  });
});

test('what reads the view of an image sees that of a noisy or shifted one', async () => {
  const dir = await world(await temporaryFolder(), 1);
  const metrics = [
    { use: 'max-sensitivity', options: { draws: 2 } },
    { use: 'translation-equivariance', options: { shifts: 2, reach: 50 } },
    'repeatability',
  ];
  const suite = { explainers: ['saliency'], controls: ['edges'], metrics, limit: 1 };
  const { rows } = await run(dir, registryWith(analyticEngine()), { suite });
  const of = (metric: string) => scores(rows).find(r => r.method === 'edges' && r.metric === metric)!;
  expect(of('max-sensitivity').value).toBeGreaterThan(0);
  // Edges move with the image, but for what comes in at its border.
  expect(of('translation-equivariance').value).toBeLessThan(0.5);
  expect(of('repeatability').value).toBe(1);
});

const explainer = (
  name: string,
  explain: Parameters<typeof defineExplainer>[0]['explain'],
  options = z.strictObject({}),
) => defineExplainer({ name, title: name, cite: 'none', kind: 'ranking', options, explain });

describe('failures stay where they are', () => {
  const good = explainer('good', async ({ image }) => ({ map: tensor([SIZE, SIZE], image.data.slice()) }));
  const bad = [
    explainer('throws', async () => {
      throw new Error('no way');
    }),
    explainer('throws-at-once', () => {
      throw new CtXaiError('LAYER', "there is no layer 'x'.", { hint: 'There is: features.' });
    }),
    explainer('wrong-shape', async () => ({ map: tensor([3, 2]) })),
    explainer('not-a-number', async () => ({ map: filled([SIZE, SIZE], Number.NaN) })),
    explainer('nothing', async () => undefined as never),
    explainer('list', async () => ({ map: [1, 2, 3] }) as never),
    explainer('constant', async () => ({ map: filled([SIZE, SIZE], 3) })),
    explainer('spoils', async ({ image, baseline, view }) => {
      for (const t of [image, baseline, view]) t.data.fill(Number.NaN);
      throw new Error('spoiled');
    }),
  ];
  const badMetrics = [
    ['beyond', async () => ({ value: 7 })],
    ['not-finite', async () => ({ value: Number.NaN })],
    ['text', async () => ({ value: '1' as never })],
    ['crooked', async () => ({ value: 0.5, curve: { fraction: [0, 1], score: [1] } })],
  ].map(([name, evaluate]) =>
    defineMetric({
      name: name as string,
      title: name as string,
      cite: 'none',
      category: 'complexity',
      better: 'higher',
      range: [0, 1],
      evaluate: evaluate as never,
    }),
  );
  const registry = registryWith(analyticEngine(), { explainers: [good, ...bad], metrics: badMetrics });

  test('an explainer that throws or returns nonsense spoils its own rows only', async () => {
    const dir = await world(await temporaryFolder(), 1);
    const names = ['good', ...bad.map(b => b.name)];
    const suite = { explainers: names, controls: ['shuffled'], metrics: [{ use: 'deletion', options: { steps: 2 } }] };
    const { rows, counts, state } = await run(dir, registry, { suite });
    expect(state).toBe('complete');
    const of = (id: string) => maps(rows).find(r => r.method === id)!;
    expect(of('good').status).toBe('ok');
    expect(of('throws')).toMatchObject({ status: 'failed', reason: 'no way' });
    expect(of('throws-at-once')).toMatchObject({ reason: "there is no layer 'x'. There is: features." });
    expect(of('wrong-shape').reason).toBe(
      "explainer 'wrong-shape' returned a map of shape [3, 2] with 6 values; the model's grid is [16, 16].",
    );
    expect(of('not-a-number')).toMatchObject({ status: 'failed' });
    expect(of('not-a-number').reason).toMatch(/NaN or infinite/);
    expect(of('nothing')).toMatchObject({ status: 'failed' });
    expect(of('list')).toMatchObject({ status: 'failed' });
    expect(of('constant')).toMatchObject({ status: 'undefined', reason: 'the map is constant' });
    expect(of('shuffled(throws)')).toMatchObject({ status: 'undefined' });
    for (const row of scores(rows)) {
      const map = of(row.method);
      if (map.status === 'ok') expect(row.status).toBe('ok');
      else expect(row).toMatchObject({ status: map.status, reason: map.reason });
    }
    expect(counts.map).toMatchObject({ failed: 14 });
    // The same as without the bad ones.
    const alone = await run(dir, registry, { out: 'alone', suite: { ...suite, explainers: ['good'] } });
    const values = (all: readonly Row[]) =>
      scores(all)
        .filter(r => r.method === 'good')
        .map(r => r.value);
    expect(values(rows)).toEqual(values(alone.rows));
  });

  test('a metric that returns nonsense spoils its own rows only', async () => {
    const dir = await world(await temporaryFolder(), 1);
    const metrics = [...badMetrics.map(m => m.name), { use: 'deletion', options: { steps: 2 } }];
    const { rows } = await run(dir, registry, { suite: { explainers: ['good'], controls: [], metrics } });
    const reasons = Object.fromEntries(scores(rows).map(r => [r.metric, [r.status, r.reason]]));
    expect(reasons).toEqual({
      beyond: ['failed', "metric 'beyond' returned 7; its range is [0, 1]."],
      'not-finite': ['failed', "metric 'not-finite' returned NaN; its range is [0, 1]."],
      text: ['failed', "metric 'text' returned 1; its range is [0, 1]."],
      crooked: ['failed', "metric 'crooked' returned a curve of unequal lengths or with NaN."],
      deletion: ['ok', undefined],
    });
  });

  test.each([
    [0, 'the map is constant'],
    [Number.NaN, 'the map has NaN or infinite values'],
  ])('maps that are all %d are nothing to compare with', async (value, reason) => {
    let first = true;
    const fades = explainer('fades', async ({ image }) => {
      const map = first ? tensor([SIZE, SIZE], image.data.slice()) : filled([SIZE, SIZE], value);
      first = false;
      return { map };
    });
    const dir = await world(await temporaryFolder(), 1);
    const metrics = [{ use: 'max-sensitivity', options: { draws: 2 } }, 'coherence', 'repeatability'];
    const suite = { explainers: ['fades'], controls: [], metrics, limit: 1 };
    const { rows } = await run(dir, registryWith(analyticEngine(), { explainers: [fades] }), { suite });
    expect(scores(rows)).toHaveLength(3);
    for (const row of scores(rows)) {
      expect(row).toMatchObject({ status: 'undefined', reason: expect.stringMatching(`: ${reason}$`) });
    }
  });

  test('an image that can not be read fails its own rows; --retry-failed does them when it is mended', async () => {
    const dir = await world(await temporaryFolder(), 2);
    const file = join(dir, 'data', 'neg', '1 50%.png');
    const sound = await readFile(file);
    const expected = await run(dir, registryWith(analyticEngine()), { out: 'sound' });
    const first = await runBroken();
    expect(first.counts.sample).toEqual({ ok: 3, failed: 1 });
    const failed = first.rows.filter(r => r.status === 'failed');
    expect(failed).toHaveLength(1 + 7 + 21);
    expect(new Set(failed.map(r => 'sample' in r && r.sample))).toEqual(new Set(['neg/1 50%.png']));
    expect(failed[0]!.reason).toMatch(/1 50%\.png/);
    const again = await runMended(false);
    expect(again.counts.sample).toEqual({ ok: 3, failed: 1 });
    const retried = await runMended(true);
    expect(retried.counts.sample).toEqual({ ok: 4 });
    const values = (rows: readonly Row[]) =>
      scores(rows)
        .filter(r => !r.method.startsWith('shuffled'))
        .map(r => r.value);
    expect(values(retried.rows)).toEqual(values(expected.rows));

    // The digest of the data must stay the same: the damage comes after the plan was made.
    async function runBroken() {
      return withDamage(sound.subarray(0, 40), {});
    }
    async function runMended(retryFailed: boolean) {
      return withDamage(sound, { retryFailed });
    }
    async function withDamage(bytes: Buffer, options: object) {
      await writeFile(file, sound);
      const { plan } = await import('./world.ts');
      const { runSuite } = await import('../../src/runners/run-suite.ts');
      const made = await plan(dir, registryWith(analyticEngine()));
      await writeFile(file, bytes);
      const result = await runSuite(made, { dir: join(dir, 'out'), ...options });
      return { ...result, rows: await rowsOf(result.dir) };
    }
  });

  test('an engine that dies is opened again; the rows are as if it had not', async () => {
    const dir = await world(await temporaryFolder(), 2);
    const expected = await run(dir, registryWith(analyticEngine()), { out: 'sound' });
    let [opened, calls] = [0, 0];
    const fragile = analyticEngine({
      onOpen: () => opened++,
      wrap: model => ({
        ...model,
        metered: meter => {
          const inner = model.metered(meter);
          const scores: FullClassifier['scores'] = async (batch, options) => {
            if (++calls % 17 === 0) throw new CtXaiError('ENGINE', 'the worker died.');
            return inner.scores(batch, options);
          };
          return { ...inner, scores };
        },
      }),
    });
    const warnings: string[] = [];
    const onEvent = (event: RunEvent) => event.kind === 'warning' && warnings.push(event.message);
    const { rows } = await run(dir, registryWith(fragile), { onEvent });
    // What a metric had asked for before the engine died need not be asked for again.
    expect(rows.map(withoutSaved)).toEqual(expected.rows.map(withoutSaved));
    expect(opened).toBeGreaterThan(1);
    expect(warnings).toHaveLength(opened - 1);
  });

  test('an engine that dies whatever is asked of it ends the run, which can be resumed', async () => {
    const dir = await world(await temporaryFolder(), 3);
    const dead = analyticEngine({
      wrap: model => ({
        ...model,
        scores: async () => {
          throw new CtXaiError('ENGINE', 'the worker died.');
        },
      }),
    });
    await expect(run(dir, registryWith(dead))).rejects.toMatchObject({
      code: 'ENGINE',
      hint: expect.stringContaining('the run goes on'),
    });
    const { counts } = await run(dir, registryWith(analyticEngine()), { retryFailed: true });
    expect(counts.sample).toEqual({ ok: 6 });
  });

  test('a model without gradients skips the methods that need them, and says why', async () => {
    const dir = await world(await temporaryFolder(), 1);
    const model = smoothModel({ height: SIZE, width: SIZE, classes: 2 });
    const forward = { ...model, capabilities: new Set<never>() };
    const { rows, counts } = await run(dir, registryWith(analyticEngine({ model: forward })));
    expect(counts.map).toEqual({ ok: 6, skipped: 4, undefined: 4 });
    expect(maps(rows).find(r => r.method === 'grad-cam')).toMatchObject({
      status: 'skipped',
      reason: "the model has no layers on the engine 'analytic'",
    });
  });

  test('one model of two that can not be opened fails its rows; the only one ends the run', async () => {
    const dir = await world(await temporaryFolder(), 1);
    const engine = analyticEngine();
    const registry = registryWith({
      ...engine,
      async open(card, options) {
        if (card.id === 'broken') throw new CtXaiError('MODEL', 'the file is not ONNX.');
        return engine.open(card, options);
      },
    });
    const models = [{ id: 'broken' }, { id: 'net' }].map(({ id }) => ({
      id,
      file: 'net.onnx',
      classes: ['no', 'yes'],
      input: { size: SIZE, channels: 1 },
      intensity: { unit: 'grey', window: [0, 255] },
    }));
    const { counts, rows } = await run(dir, registry, { suite: { models } });
    expect(counts.sample).toEqual({ ok: 2, failed: 2 });
    expect(rows.filter(r => r.model === 'broken').every(r => r.reason === 'the file is not ONNX.')).toBe(true);
    await expect(run(dir, registry, { out: 'x', suite: { models: [models[0]] } })).rejects.toMatchObject({
      code: 'MODEL',
    });
  });
});

describe('targets', () => {
  test('a label is explained where the image has one', async () => {
    const dir = await world(await temporaryFolder(), 2);
    const { rows } = await run(dir, registryWith(analyticEngine()), { suite: { target: 'label' } });
    for (const row of rows) if (row.kind === 'sample') expect(row.target).toBe(row.label);
    const { rows: fixed } = await run(dir, registryWith(analyticEngine()), { out: 'b', suite: { target: 'yes' } });
    for (const row of fixed) if (row.kind === 'sample') expect(row.target).toBe('yes');
  });
});
