import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';
import { encodeModel } from '../../../src/engines/onnx/graph/proto.ts';
import { OnnxPool } from '../../../src/engines/onnx/session/onnx-pool.ts';
import { WorkerPool } from '../../../src/engines/shared/worker-pool.ts';
import { smallNet, temporary } from '../onnx/fixtures.ts';

const folder = temporary();
afterAll(() => folder.remove());

/** What the workers of these tests are asked. */
interface Counting {
  count(asked: { readonly values: Float32Array }): number;
  goOn(asked: undefined): void;
}

/** A worker that is asked that, written for a test. */
function workerThat(name: string, onMessage: string): URL {
  const file = join(folder.path, `${name}.mjs`);
  writeFileSync(
    file,
    `import { parentPort } from 'node:worker_threads';\nparentPort.on('message', m => { ${onMessage} });\n`,
  );
  return pathToFileURL(file);
}

const settings = { executionProviders: ['cpu'], threads: 1, optimise: true };

function feed(graph = smallNet({})) {
  return [{ name: graph.inputs[0]!.name, dims: [1, 1, 8, 8], data: new Float32Array(64).fill(0.5) }];
}

const asked = (n = 1) => ({ values: new Float32Array(n) });

describe('WorkerPool', () => {
  it('runs a session on its workers and gives the buffers back', async () => {
    const pool = new OnnxPool(2);
    try {
      const graph = smallNet({});
      await pool.open('net', encodeModel(graph), settings);
      const results = await Promise.all(Array.from({ length: 9 }, () => pool.run('net', feed())));
      const name = graph.outputs[0]!.name;
      for (const { outputs, returned } of results) {
        expect([...outputs[name]!]).toEqual([...results[0]!.outputs[name]!]);
        expect(returned[0]).toHaveLength(64);
      }
      await pool.drop('net');
    } finally {
      await pool.close();
    }
  });

  it("passes on ONNX Runtime's complaints and goes on to work", async () => {
    const pool = new OnnxPool(1);
    try {
      await expect(pool.open('bad', Uint8Array.of(1, 2, 3), settings)).rejects.toMatchObject({ code: 'ENGINE' });
      await pool.open('net', encodeModel(smallNet({})), settings);
      const wrong = [{ name: 'image', dims: [1, 1, 8, 4], data: new Float32Array(32) }];
      await expect(pool.run('net', wrong)).rejects.toThrow(/ONNX Runtime: /);
      await pool.run('net', feed());
    } finally {
      await pool.close();
    }
  });

  it('says so when a worker crashes, also to what waits and what comes later', async () => {
    const crashing = workerThat('crashing', "if (m.kind === 'count') throw new Error('out of luck');");
    const pool = new WorkerPool<Counting>(1, crashing, 'ONNX Runtime');
    const runs = Array.from({ length: 4 }, () => pool.one('count', asked()));
    for (const run of runs) await expect(run).rejects.toThrow(/ended unexpectedly: out of luck/);
    await expect(pool.one('count', asked())).rejects.toMatchObject({ code: 'ENGINE' });
    await pool.close();
  });

  it('says so when a worker cannot start', async () => {
    const pool = new WorkerPool<Counting>(1, pathToFileURL(join(folder.path, 'none.mjs')), 'ONNX Runtime');
    await expect(pool.one('count', asked())).rejects.toThrow(/ended unexpectedly/);
    await pool.close();
  });

  it('keeps two runs per worker in flight, in order', async () => {
    const body = `
      globalThis.held ??= [];
      if (m.kind === 'close') { parentPort.postMessage({ id: m.id, ok: true }); parentPort.close(); return; }
      if (m.kind === 'goOn') {
        for (const [id, n] of globalThis.held.splice(0)) parentPort.postMessage({ id, ok: true, answer: n });
        parentPort.postMessage({ id: m.id, ok: true });
      } else globalThis.held.push([m.id, m.asked.values.length]);`;
    const pool = new WorkerPool<Counting>(2, workerThat('holding', body), 'ONNX Runtime');
    const ended: number[] = [];
    const runs = Array.from({ length: 7 }, async (_, i) => {
      expect(await pool.one('count', asked(i))).toBe(i);
      ended.push(i);
    });
    const flush = () => pool.each('goOn', undefined);
    await flush();
    expect(ended.toSorted()).toEqual([0, 1, 2, 3]);
    await flush();
    await flush();
    await Promise.all(runs);
    expect(ended).toHaveLength(7);
    await pool.close();
  });

  it('refuses work once closed', async () => {
    const pool = new OnnxPool(1);
    await pool.open('net', encodeModel(smallNet({})), settings);
    const waiting = Array.from({ length: 8 }, () => pool.run('net', feed()));
    const outcomes = Promise.allSettled(waiting);
    await Promise.all([pool.close(), pool.close()]);
    const refused = (await outcomes).filter(o => o.status === 'rejected');
    expect(refused.length).toBeGreaterThanOrEqual(6);
    await expect(pool.run('net', feed())).rejects.toThrow(/closed/);
  });
});
