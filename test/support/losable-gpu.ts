import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { notSoftware, softwareGpu } from './software-gpu.ts';

export interface LosableGpu {
  /** From now on the device is lost. */
  lose(): void;
  /** From now on it computes nothing, and does not say so. */
  idle(): void;
  /** A device that is asked for from now on works. */
  restore(): void;
  remove(): void;
}

/**
 * Makes a software GPU that can be lost this process's only one, which must happen before anything asks for a GPU.
 * Returns why not where it can't be had.
 */
export function losableGpu(): LosableGpu | string {
  const missing = notSoftware();
  if (missing !== undefined) return missing;
  const icd = softwareGpu()!;
  const folder = mkdtempSync(join(tmpdir(), 'ct-xai-losable-'));
  const library = join(folder, 'losable-gpu.so');
  const source = fileURLToPath(new URL('losable-gpu.c', import.meta.url));
  const compiler = process.env.CC ?? 'cc';
  const made = spawnSync(compiler, ['-shared', '-fPIC', '-O1', '-o', library, source, '-ldl'], { encoding: 'utf8' });
  if (made.status !== 0) {
    rmSync(folder, { recursive: true, force: true });
    return made.error ? `no C compiler (${compiler})` : `${compiler} failed: ${made.stderr}`;
  }
  const { ICD } = JSON.parse(readFileSync(icd, 'utf8')) as { ICD: { library_path: string; api_version: string } };
  const file = join(folder, 'icd.json');
  writeFileSync(file, JSON.stringify({ file_format_version: '1.0.0', ICD: { ...ICD, library_path: library } }));
  const [lost, idle] = [join(folder, 'lost'), join(folder, 'idle')];
  process.env.VK_ICD_FILENAMES = file;
  process.env.CT_XAI_DRIVER = resolve(dirname(icd), ICD.library_path);
  process.env.CT_XAI_LOSE = lost;
  process.env.CT_XAI_IDLE = idle;
  return {
    lose: () => writeFileSync(lost, ''),
    idle: () => writeFileSync(idle, ''),
    restore: () => {
      rmSync(lost, { force: true });
      rmSync(idle, { force: true });
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
