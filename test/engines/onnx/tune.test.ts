import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { OnnxPool } from '../../../src/engines/onnx/session/onnx-pool.ts';
import { divisions, tune } from '../../../src/engines/onnx/session/tune.ts';
import { recall, recallChanges, remember, tuningKey } from '../../../src/engines/onnx/session/tuning-cache.ts';
import { verified } from '../../../src/engines/onnx/session/verify.ts';
import { smallNet, temporary } from './fixtures.ts';

const GB = 2 ** 30;

describe('divisions of cores', () => {
  it('are a worker per core, then fewer with more threads', () => {
    expect(divisions(2, {}, 1, GB)).toEqual([
      { workers: 2, threads: 1 },
      { workers: 1, threads: 2 },
    ]);
    expect(divisions(8, {}, 1, GB).map(d => [d.workers, d.threads])).toEqual([
      [8, 1],
      [4, 2],
      [2, 4],
      [1, 8],
    ]);
  });

  it('keep to memory, and to sixteen workers', () => {
    expect(divisions(4, {}, GB / 8, GB).every(d => d.workers <= 2)).toBe(true);
    expect(divisions(2, {}, 10 * GB, GB).every(d => d.workers === 1)).toBe(true);
    expect(divisions(128, {}, 1, GB)[0]).toEqual({ workers: 16, threads: 1 });
  });

  it('take what is wished', () => {
    expect(divisions(8, { workers: 3 }, 1, GB).map(d => d.workers)).toEqual([3, 3, 3, 3]);
    expect(divisions(8, { workers: 3, threads: 5 }, 1, GB)).toEqual([{ workers: 3, threads: 5 }]);
    expect(divisions(8, { threads: 4 }, 1, GB)).toEqual([{ workers: 2, threads: 4 }]);
  });
});

describe('a sweep', () => {
  it('leaves one session open, with settings of those that were tried', async () => {
    const { graph } = await loadModel(smallNet({}), {
      file: 'm.onnx',
      size: [8, 8],
      channels: 1,
      layout: 'NCHW',
      classes: 3,
    });
    const pool = new OnnxPool(2);
    try {
      const candidates = divisions(2, {}, 1, GB);
      const base = { executionProviders: ['cpu'] };
      const { session, settings } = await tune(pool, 'net', { graph }, base, candidates, undefined);
      expect(candidates).toContainEqual({ workers: settings.workers, threads: settings.threads });
      expect([1, 4, 16]).toContain(settings.microBatch);
      expect(await verified(pool, { graph }, { session, settings }, base)).toBe(true);
      const others = candidates.map(d => `net ${d.workers}x${d.threads}`).filter(name => name !== session);
      for (const other of others) await expect(pool.run(other, [])).rejects.toThrow();
    } finally {
      await pool.close();
    }
  });

  it('sees a session that gives other scores', async () => {
    const open = async (graph: ReturnType<typeof smallNet>) => {
      return loadModel(graph, { file: 'm.onnx', size: [8, 8], channels: 1, layout: 'NCHW', classes: 3 });
    };
    const { graph } = await open(smallNet({}));
    const other = { ...graph, nodes: graph.nodes.map(n => (n.op === 'Softplus' ? { ...n, op: 'Relu' } : n)) };
    const pool = new OnnxPool(1);
    try {
      const base = { executionProviders: ['cpu'] };
      const prepared = await tune(pool, 'net', { graph: other }, base, [{ workers: 1, threads: 1 }], 1);
      expect(await verified(pool, { graph }, prepared, base)).toBe(false);
    } finally {
      await pool.close();
    }
  });
});

describe('remembered settings', () => {
  const folder = temporary();
  afterAll(() => folder.remove());
  const parts = { digest: 'd', kind: 'forward', device: 'cpu', version: '1', wishes: {}, size: [null, 1, 8, 8] };
  const settings = { microBatch: 4, workers: 2, threads: 1 };

  it('belong to one model, size, kind, device and version', () => {
    const keys = [
      parts,
      { ...parts, digest: 'e' },
      { ...parts, kind: 'gradient' },
      { ...parts, size: [null, 1, 16, 16] },
      { ...parts, wishes: { threads: 1 } },
      { ...parts, version: '2' },
    ].map(tuningKey);
    expect(new Set(keys).size).toBe(keys.length);
    const cache = join(folder.path, 'new', 'cache');
    remember(cache, keys[0]!, settings);
    remember(cache, keys[1]!, { ...settings, microBatch: 1 });
    expect(recall(cache, keys[0]!)).toEqual(settings);
    expect(recall(cache, keys[2]!)).toBeUndefined();
    expect(recall(undefined, keys[0]!)).toBeUndefined();
  });

  it('are forgotten, not trusted, where the file is damaged', () => {
    const cache = join(folder.path, 'damaged');
    mkdirSync(cache);
    const key = tuningKey(parts);
    for (const text of ['{', '[]', 'null', JSON.stringify({ [key]: { microBatch: 0, workers: 1, threads: 1 } })]) {
      writeFileSync(join(cache, 'onnx-tuning.json'), text);
      expect(recall(cache, key)).toBeUndefined();
    }
    remember(cache, key, settings);
    expect(JSON.parse(readFileSync(join(cache, 'onnx-tuning.json'), 'utf8'))[key]).toEqual(settings);
  });

  it('of computing what changed are how much it gains, or why it does not pay', () => {
    const cache = join(folder.path, 'changes');
    const worths = [{ faster: 2 }, { reason: 'it is slower' }, { reason: 'one pass is short', anySide: true }] as const;
    for (const [i, worth] of worths.entries()) remember(cache, `${i}`, worth);
    expect(worths.map((_, i) => recallChanges(cache, `${i}`))).toEqual(worths);
    remember(cache, 'settings', settings);
    expect(recallChanges(cache, 'settings')).toBeUndefined();
  });

  it('may be impossible to write', () => {
    const file = join(folder.path, 'a-file');
    writeFileSync(file, '');
    remember(join(file, 'cache'), tuningKey(parts), settings);
    rmSync(file);
  });
});
