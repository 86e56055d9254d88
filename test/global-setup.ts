import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Brings dist/ up to date file by file: worker threads load their code from there, since Node 20 can't load TypeScript.
 * Types are checked elsewhere (`npm run types`); here each changed source is only translated.
 */
export default function setup(): void {
  const { compilerOptions } = ts.parseConfigFileTextToJson(
    'tsconfig.json',
    readFileSync(join(root, 'tsconfig.json'), 'utf8'),
  ).config as { compilerOptions: object };
  const options = ts.convertCompilerOptionsFromJson(compilerOptions, root).options;
  for (const file of sources(join(root, 'src'))) {
    const target = join(root, 'dist', relative(join(root, 'src'), file)).replace(/\.ts$/, '.js');
    if (modified(target) > modified(file)) continue;
    const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
      fileName: file,
      compilerOptions: { ...options, module: ts.ModuleKind.ESNext, sourceMap: false, declaration: false },
    });
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, outputText);
  }
}

function sources(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile() && entry.name.endsWith('.ts'))
    .map(entry => join(entry.parentPath, entry.name));
}

/** Milliseconds; 0 where there is no file. */
function modified(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
