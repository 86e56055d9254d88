import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { z } from 'zod';
import { builtinRegistry } from '../../builtin.ts';
import { packageVersion } from '../../config/version.ts';
import type { Dataset } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { readerNamed } from '../../data/open-path.ts';
import type { PairFormat } from '../../data/pairs/pair-formats.ts';
import { asStored, type PairCell, writePairs } from '../../data/pairs/write-pairs.ts';
import { type Agreements, CONFOUNDER_NAMES } from '../../data/phantom/confounder-names.ts';
import type { KernelChoice, Physics } from '../../data/phantom/scan-options.ts';
import { csvText } from '../../results/csv.ts';
import { ioError } from '../../results/files.ts';
import { counted } from '../shared/counted.ts';
import { interruptSignal } from '../shared/interrupts.ts';
import { ExitCode, note, print, shownPath } from '../shared/output.ts';
import { truthOf } from './truth-table.ts';

export interface PhantomArguments extends Agreements {
  readonly out: string;
  readonly format: PairFormat;
  readonly patients: number;
  readonly slices: number;
  readonly size: number;
  readonly seed: string;
  readonly split: 'train' | 'val' | 'test';
  readonly distractors: number;
  readonly physics: Physics;
  readonly kernel?: KernelChoice | undefined;
  readonly thickness?: number | undefined;
  readonly photons?: number | undefined;
  readonly placebos: boolean;
  readonly model: readonly string[];
  readonly class?: string | undefined;
}

/** Writes the phantom as files that other tools read, and that `data: { use: pairs }` reads back. @returns exit code */
export async function writePhantom(argv: PhantomArguments): Promise<number> {
  const registry = builtinRegistry();
  const dir = resolve(argv.out);
  const { seed, split, patients, slices, size, distractors, physics, kernel, thickness, photons } = argv;
  const options = {
    ...{ seed, split, patients, slices, size, factors: true, distractors },
    ...Object.fromEntries(CONFOUNDER_NAMES.map(name => [name, argv[name]])),
    ...{ physics, kernel, thickness, photons },
  };
  const dataset = await openPhantom(options);
  await requireEmpty(dir);
  const { signal, release } = interruptSignal();
  try {
    const tables = await writePairs(dataset, dir, {
      format: argv.format,
      placebos: argv.placebos,
      signal,
      progress: done => {
        if (done % 20 === 0 || done === dataset.count) note(`${done} of ${dataset.count} images written`);
      },
    });
    await save(dir, 'pairs.csv', tables.pairs);
    await save(dir, 'factors.csv', tables.factors);
    if (argv.model.length > 0) {
      await save(
        dir,
        'truth.csv',
        await truthOf(argv.model, argv.class, asStored(dataset, argv.format), registry, signal),
      );
    }
    const about = { made: `ct-xai-bench ${packageVersion()}`, phantom: dataset.digest, ...options };
    await writeFile(join(dir, 'phantom.json'), `${JSON.stringify(about, null, 2)}\n`);
  } catch (error) {
    if (signal.aborted) throw new CtXaiError('INTERRUPTED', 'interrupted; what was written is not complete.');
    throw ioError(error, `writing to ${shownPath(dir)}`);
  } finally {
    release();
  }
  print(`${counted(dataset.count, 'image')} of ${counted(patients, 'patient')} → ${shownPath(dir)}`);
  print(`In a suite: data: { use: pairs, path: ${shownPath(dir)} }`);
  return ExitCode.ok;

  async function openPhantom(given: object): Promise<Dataset> {
    const reader = readerNamed('phantom', registry.readers);
    const parsed = reader.options.safeParse(given);
    if (parsed.success) return reader.open(parsed.data, { base: process.cwd() });
    const [issue] = (parsed.error as z.ZodError).issues;
    throw new CtXaiError('USAGE', `--${issue!.path.join('.')}: ${issue!.message}.`, {
      hint: "'ct-xai phantom --help' says what is allowed.",
    });
  }
}

async function requireEmpty(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true }).catch(error => {
    throw ioError(error, `making the folder ${shownPath(dir)}`);
  });
  if ((await readdir(dir)).length === 0) return;
  throw new CtXaiError('USAGE', `--out: ${shownPath(dir)} is not empty.`, { hint: 'Name a new folder.' });
}

async function save(dir: string, name: string, lines: readonly (readonly PairCell[])[]): Promise<void> {
  await writeFile(join(dir, name), csvText(lines, { formulas: 'raw' }));
}
