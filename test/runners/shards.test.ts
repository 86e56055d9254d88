import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { mergeRuns } from '../../src/results/merge.ts';
import type { Manifest } from '../../src/results/rows.ts';
import { temporaryFolder } from '../data/images.ts';
import { analyticEngine, registryWith, rowsOf, run, withoutSaved, world } from './world.ts';

const registry = registryWith(analyticEngine());
const suite = {
  explainers: ['grad-cam', { use: 'lime', options: { samples: 20, segmentation: 'grid', segments: 9 } }],
  metrics: [{ use: 'deletion', options: { steps: 4 } }, 'pointing-game', 'consistency', 'random-logit'],
};
const dir = temporaryFolder();
let parts: string[];

beforeAll(async () => {
  await world(dir, 4);
  parts = await Promise.all([1, 2, 3].map(shardFolder));
});

async function shardFolder(index: number): Promise<string> {
  const { dir: folder } = await run(dir, registry, { suite, out: `part${index}`, shard: { index, of: 3 } });
  return folder;
}

/** Every file of a run folder but the journal and the manifest, which tell times and order. */
async function contents(folder: string): Promise<Map<string, string>> {
  const files = await readdir(folder, { recursive: true, withFileTypes: true });
  const names = files.filter(file => file.isFile()).map(file => join(file.parentPath, file.name));
  const kept = names.filter(name => !/(results\.jsonl|manifest\.json)$/.test(name)).sort();
  return new Map(
    await Promise.all(
      kept.map(async name => [name.slice(folder.length), (await readFile(name)).toString('base64')] as const),
    ),
  );
}

test('shards, merged and finished, are byte for byte what one process makes', async () => {
  const whole = await run(dir, registry, { suite, out: 'whole' });
  const out = join(dir, 'merged');
  const merged = await mergeRuns(parts, out, 'ct-xai merge');
  expect(merged).toMatchObject({ absent: [], unfinished: [], differences: [] });
  // What needs maps of other patients, or all of a group.
  expect(merged.waiting.map(({ what, maps, values }) => [what, maps, values])).toEqual([
    ['shuffled(grad-cam)', 8, 32],
    ['shuffled(lime)', 8, 32],
    ['consistency', 0, 5],
  ]);
  const before = (await rowsOf(out)).length;
  const finished = await run(dir, registry, { suite, out: 'merged' });
  expect(finished.counts).toEqual(whole.counts);
  expect(finished.rows.length).toBeGreaterThan(before);
  expect(finished.rows.map(withoutSaved)).toEqual(whole.rows.map(withoutSaved));
  expect(await contents(out)).toEqual(await contents(whole.dir));
});

test('shards of a suite that explains the positives alone: each says how many of the whole, and so does the merged run', async () => {
  const positives = { ...suite, explain: 'positives' };
  const own: string[] = [];
  for (const index of [1, 2]) {
    const part = { suite: positives, out: `positives${index}`, shard: { index, of: 2 } };
    own.push((await run(dir, registry, part)).dir);
  }
  const whole = await run(dir, registry, { suite: positives, out: 'positives' });
  const merged = await mergeRuns(own, join(dir, 'positives-merged'), '');
  const finished = await run(dir, registry, { suite: positives, out: 'positives-merged' });
  const { explained } = whole.manifest.dataset;
  expect(explained).toBe(4);
  expect([merged.manifest.dataset.explained, finished.manifest.dataset.explained]).toEqual([explained, explained]);
  expect(finished.rows.map(withoutSaved)).toEqual(whole.rows.map(withoutSaved));
  expect(await contents(join(dir, 'positives-merged'))).toEqual(await contents(whole.dir));
});

test('shards can be added later, and merging again changes nothing', async () => {
  const out = join(dir, 'later');
  const first = await mergeRuns(parts.slice(0, 2), out, '');
  expect(first.absent).toEqual([3]);
  const all = await mergeRuns(parts, out, '');
  expect(all.absent).toEqual([]);
  expect((await mergeRuns(parts, out, '')).rows).toBe(all.rows);
});

test('a folder of one shard is not gone on with as another, nor as the whole', async () => {
  for (const shard of [{ index: 2, of: 3 }, undefined]) {
    const again = run(dir, registry, { suite, out: 'part1', ...(shard ? { shard } : {}) });
    await expect(again).rejects.toThrow('holds shard 1/3');
  }
});

describe('merging refuses', () => {
  const changed = async (name: string, change: (manifest: Manifest) => object) => {
    const { dir: folder } = await run(dir, registry, { suite, out: name, shard: { index: 2, of: 3 } });
    const file = join(folder, 'manifest.json');
    const manifest = JSON.parse(await readFile(file, 'utf8')) as Manifest;
    await writeFile(file, JSON.stringify({ ...manifest, planDigest: 'other', ...change(manifest) }));
    return folder;
  };
  const merge = (other: string) => mergeRuns([parts[0]!, other], join(dir, 'refused'), '');

  test.each<[string, (manifest: Manifest) => object, string]>([
    ['another version', m => ({ versions: { ...m.versions, 'ct-xai-bench': '9.9.9' } }), 'version of ct-xai-bench'],
    ['another model', m => ({ models: m.models.map(model => ({ ...model, digest: 'x' })) }), 'model net'],
    ['other data', m => ({ dataset: { ...m.dataset, digest: 'x' } }), 'data'],
    ['another seed', () => ({ seed: '9' }), 'seed'],
    ['other options', m => ({ methods: m.methods.slice(1) }), 'method grad-cam'],
  ])('%s', async (name, change, reason) => {
    await expect(merge(await changed(name.replaceAll(' ', '-'), change))).rejects.toThrow(`Different: ${reason}`);
  });

  test('the same shard twice, another division, and a run that is no shard', async () => {
    const other = async (out: string, shard?: { index: number; of: number }) =>
      merge((await run(dir, registry, { suite, out, ...(shard ? { shard } : {}) })).dir);
    await expect(other('twin', { index: 1, of: 3 })).rejects.toThrow('are both shard 1');
    await expect(other('halves', { index: 2, of: 2 })).rejects.toThrow('one of 3 shards');
    await expect(other('none')).rejects.toThrow('is no shard');
  });
});
