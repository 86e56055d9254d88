import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { builtinRegistry } from '../../src/builtin.ts';
import type { Plan } from '../../src/config/plan.ts';
import { resolvePlan } from '../../src/config/resolve.ts';
import { type Overrides, parseSuite } from '../../src/config/suite.ts';
import { smoothModel } from '../../src/conformance/models.ts';
import type { Engine, Explainer, FullClassifier, Metric, OpenOptions } from '../../src/core/contracts/index.ts';
import { createRegistry, type Registry } from '../../src/core/registry.ts';
import { createRng } from '../../src/core/rng.ts';
import { readRun } from '../../src/results/read-run.ts';
import type { Row } from '../../src/results/rows.ts';
import { type RunOptions, runSuite, type SuiteResult } from '../../src/runners/run-suite.ts';

export const SIZE = 16;

/** An engine that computes a small smooth network from formulas; the weights' file is not looked into. */
export function analyticEngine(
  change: {
    model?: FullClassifier;
    onOpen?: (options: OpenOptions) => void;
    wrap?: (model: FullClassifier) => FullClassifier;
  } = {},
): Engine {
  return {
    name: 'analytic',
    formats: ['onnx'],
    devices: ['cpu'],
    probe: async () => [],
    async open(card, options) {
      change.onOpen?.(options);
      const model = change.model ?? smoothModel({ height: SIZE, width: SIZE, classes: 2, seed: card.id });
      return change.wrap?.(model) ?? model;
    },
  };
}

/** Everything built in, on the engine given, with more explainers and metrics. */
export function registryWith(
  engine: Engine,
  more: { explainers?: readonly Explainer[]; metrics?: readonly Metric[] } = {},
): Registry {
  const built = builtinRegistry();
  return createRegistry({
    explainers: [...built.explainers.values(), ...(more.explainers ?? [])],
    metrics: [...built.metrics.values(), ...(more.metrics ?? [])],
    baselines: [...built.baselines.values()],
    readers: [...built.readers.values()],
    engines: [engine],
  });
}

/** A folder of noisy grey images, two labels, `perLabel` patients each with one image, and a file of weights. */
export async function world(dir: string, perLabel = 3): Promise<string> {
  const rng = createRng('images');
  const index = ['file,label,patient,mask'];
  for (const label of ['pos', 'neg']) {
    await mkdir(join(dir, 'data', label), { recursive: true });
    for (let i = 0; i < perLabel; i++) {
      const pixels = Uint8Array.from({ length: 20 * 24 }, () => rng.int(256));
      const file = `${label}/${i} 50%.png`;
      await sharp(pixels, { raw: { width: 24, height: 20, channels: 1 } })
        .png()
        .toFile(join(dir, 'data', file));
      const mask = i === 0 ? `masks/${label}.png` : '';
      index.push(`${file},${label},p${label}${i},${mask}`);
    }
  }
  await mkdir(join(dir, 'data', 'masks'));
  for (const label of ['pos', 'neg']) {
    const mask = Uint8Array.from({ length: 20 * 24 }, (_, i) => (i % 24 < 8 ? 255 : 0));
    await sharp(mask, { raw: { width: 24, height: 20, channels: 1 } })
      .png()
      .toFile(join(dir, 'data', 'masks', `${label}.png`));
  }
  await writeFile(join(dir, 'data', 'index.csv'), `${index.join('\n')}\n`);
  await writeFile(join(dir, 'net.onnx'), 'weights');
  return dir;
}

export const MODEL = {
  id: 'net',
  file: 'net.onnx',
  classes: ['no', 'yes'],
  input: { size: SIZE, channels: 1 },
  intensity: { unit: 'grey', window: [0, 255] },
};

export function suiteWith(change: object = {}): object {
  return {
    name: 'test',
    models: [MODEL],
    data: { use: 'image-folder', path: 'data', labels: { pos: 'yes', neg: 'no' } },
    explainers: [
      'grad-cam',
      { use: 'lime', options: { samples: 20, segmentation: 'grid', segments: 9 } },
      { use: 'integrated-gradients', options: { steps: 5 } },
    ],
    controls: ['random', 'shuffled'],
    metrics: [{ use: 'deletion', options: { steps: 4 } }, { use: 'insertion', options: { steps: 4 } }, 'pointing-game'],
    timing: false,
    ...change,
  };
}

export async function plan(
  dir: string,
  registry: Registry,
  change: object = {},
  overrides: Overrides = {},
): Promise<Plan> {
  return resolvePlan(parseSuite(suiteWith(change), dir), registry, overrides);
}

export async function run(
  dir: string,
  registry: Registry,
  { suite = {}, out = 'out', ...options }: { suite?: object; out?: string } & Partial<RunOptions> = {},
): Promise<SuiteResult & { rows: Row[] }> {
  const result = await runSuite(await plan(dir, registry, suite), { dir: join(dir, out), ...options });
  return { ...result, rows: await rowsOf(result.dir) };
}

export async function rowsOf(dir: string): Promise<Row[]> {
  const found = await readRun(dir);
  const rows: Row[] = [];
  for await (const row of found.rows()) rows.push(row);
  await found.close();
  return rows;
}

/** What a start took from another unit's work depends on what an earlier start had left to do. */
export function withoutSaved(row: Row): Row {
  const { saved: _, ...rest } = { saved: undefined, ...row };
  return rest as Row;
}
