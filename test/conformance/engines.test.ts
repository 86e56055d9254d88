import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { engineChecks, engineModel } from '../../src/conformance/index.ts';
import type { Engine, FullClassifier } from '../../src/core/contracts/index.ts';
import { testEngine } from '../support/test-engine.ts';

const folder = mkdtempSync(join(tmpdir(), 'ct-xai-engines-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const models = Object.fromEntries(
  (['onnx', 'tfjs'] as const).map(format => {
    const own = join(folder, format);
    mkdirSync(own);
    return [format, engineModel(format, own)];
  }),
);
const engines = [...builtinRegistry().engines.values()];
const reports = (await Promise.all(engines.map(engine => engine.probe()))).flat();

for (const engine of engines) {
  for (const device of engine.devices) {
    const report = reports.find(r => r.engine === engine.name && r.device === device);
    if (report?.state !== 'works') {
      it.skip(`${engine.name} on ${device}: ${report?.detail}`, () => undefined);
      continue;
    }
    const workers = device === 'webgpu' || (device === 'cpu' && engine.name === 'tfjs') ? 1 : 2;
    for (const format of engine.formats) {
      testEngine(`the ${format} file of the smooth network`, { engine, device, workers, ...models[format]! });
    }
  }
}

describe('the suite catches', () => {
  const [onnx] = engines as [Engine];
  /** The ONNX engine, with something wrong in what it opens. */
  const faulty = (wrong: (model: FullClassifier) => Partial<FullClassifier>): Engine => ({
    ...onnx,
    async open(card, options) {
      const model = await onnx.open(card, options);
      return new Proxy(model, {
        get: (target, key) => {
          const own = wrong(model)[key as keyof FullClassifier] ?? Reflect.get(target, key);
          return typeof own === 'function' ? own.bind(target) : own;
        },
      });
    },
  });
  const failures = async (engine: Engine): Promise<string> => {
    const { checks, close } = engineChecks(engine, { device: 'cpu', ...models.onnx! });
    const found: string[] = [];
    for (const { run } of checks) await run().catch((error: Error) => found.push(error.message));
    await close();
    return found.join('\n');
  };

  it.each<[string, (model: FullClassifier) => Partial<FullClassifier>, RegExp]>([
    [
      'scores that depend on the batch',
      model => ({
        async scores(batch, options) {
          const found = await model.scores(batch, options);
          return { ...found, data: found.data.map(v => v + 0.01 * batch.count) };
        },
      }),
      /image 0 alone: off by/,
    ],
    [
      'gradients of half the size',
      model => ({
        gradients: (batch, target, consume, options) =>
          model.gradients(
            batch,
            target,
            (i, g, score) =>
              consume(
                i,
                g.map(v => v / 2),
                score,
              ),
            options,
          ),
      }),
      /the gradient of the logit of class 0 says .*difference/,
    ],
    [
      'an ability that it does not have',
      model => ({ capabilities: new Set([...model.capabilities, 'attention' as const]) }),
      /has no attention/,
    ],
    [
      'a refusal without a reason',
      model => ({ runtime: { ...model.runtime, limitations: {} } }),
      /does not say in a sentence why it has no \w/,
    ],
    ['a model that stays open', () => ({ close: async () => undefined }), /is not refused|closed/],
  ])('%s', async (_, wrong, message) => {
    expect(await failures(faulty(wrong))).toMatch(message);
  });
});
