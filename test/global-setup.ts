import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = join(root, 'dist', '.built');

/**
 * Builds dist/ where the sources are newer: worker threads load their code from there, since Node 20 can't load
 * TypeScript. Types are checked elsewhere (`npm run types`), so only a build that wrote nothing is an error.
 */
export default function setup(): void {
  const newest = newestIn(join(root, 'src'));
  if (existsSync(stamp) && statSync(stamp).mtimeMs >= newest) return;
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const built = spawnSync(process.execPath, [tsc, '-p', 'tsconfig.build.json'], { cwd: root, encoding: 'utf8' });
  const worker = join(root, 'dist', 'engines', 'onnx', 'session', 'onnx-worker.js');
  if (built.error || !existsSync(worker)) throw new Error(`the build failed:\n${built.stdout}${built.stderr}`);
  writeFileSync(stamp, '');
  // What changed while the build ran counts as newer.
  utimesSync(stamp, newest / 1000, newest / 1000);
}

function newestIn(folder: string): number {
  let newest = 0;
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) newest = Math.max(newest, statSync(join(entry.parentPath, entry.name)).mtimeMs);
  }
  return Math.ceil(newest);
}
