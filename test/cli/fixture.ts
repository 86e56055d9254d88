import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { vi } from 'vitest';
import { stringify } from 'yaml';
import { runCli } from '../../src/cli/cli.ts';
import { createRng } from '../../src/core/rng.ts';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));
export const MAIN = join(ROOT, 'dist', 'cli', 'main.js');

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command line in this process. */
export async function cli(...args: string[]): Promise<Outcome> {
  const out = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map(name =>
    vi.spyOn(process[name], 'write').mockImplementation((text: string | Uint8Array) => {
      out[name] += typeof text === 'string' ? text : Buffer.from(text).toString();
      return true;
    }),
  );
  // yargs prints help by the console.
  const log = vi.spyOn(console, 'log').mockImplementation((text: string) => {
    out.stdout += `${text}\n`;
  });
  try {
    const code = await runCli(args);
    return { code, ...out };
  } finally {
    for (const spy of [...spies, log]) spy.mockRestore();
  }
}

/**
 * A folder with tiny-densenet (64 × 64, two classes, random weights) and its card, images of two labels, and
 * `suite.yaml`. Everything that a run needs.
 */
export async function cliWorld(dir: string, { images = 2, suite = {} }: { images?: number; suite?: object } = {}) {
  await copyFile(join(ROOT, 'test', 'golden', 'tiny-densenet.onnx'), join(dir, 'model.onnx'));
  await writeFile(
    join(dir, 'model.yaml'),
    stringify({
      id: 'tiny',
      file: 'model.onnx',
      classes: ['no', 'yes'],
      input: { size: 64, channels: 1 },
      intensity: { unit: 'grey' },
    }),
  );
  const rng = createRng('cli images');
  for (const label of ['no', 'yes']) {
    await mkdir(join(dir, 'images', label), { recursive: true });
    for (let i = 0; i < images; i++) {
      const pixels = Uint8Array.from({ length: 9 * 10 }, () => rng.int(256));
      await sharp(pixels, { raw: { width: 10, height: 9, channels: 1 } })
        .resize(80, 72)
        .toColourspace('b-w')
        .png()
        .toFile(join(dir, 'images', label, `slice ${i} 50%.png`));
    }
  }
  const path = join(dir, 'suite.yaml');
  await writeFile(path, stringify({ ...SUITE, ...suite }));
  return path;
}

const curve = { steps: 5 };

export const SUITE = {
  models: ['./model.yaml'],
  data: { use: 'image-folder', path: 'images' },
  explainers: [
    'grad-cam',
    { use: 'integrated-gradients', options: { steps: 4, maxSteps: 4 } },
    { use: 'lime', options: { samples: 20, segmentation: 'grid', segments: 16 } },
    { use: 'occlusion', options: { stride: 16 } },
  ],
  controls: ['random', 'shuffled'],
  metrics: [
    { use: 'deletion', options: curve },
    { use: 'insertion', options: curve },
  ],
  engine: { threads: 1, workers: 1, microBatch: 4 },
  timing: false,
};
