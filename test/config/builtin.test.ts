import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { repository } from './fixtures.ts';

const registry = builtinRegistry();
const source = join(repository, 'src');

/** Files that hold a part: all of a folder, or those in which `mark` is written. `shared` folders hold helpers. */
function filesOf(folder: string, mark?: RegExp): string[] {
  return readdirSync(join(source, folder), { recursive: true, withFileTypes: true })
    .filter(item => item.isFile() && item.name.endsWith('.ts'))
    .map(item => join(item.parentPath, item.name))
    .filter(path => !path.includes('/shared/') && (!mark || mark.test(readFileSync(path, 'utf8'))))
    .map(path => basename(path, '.ts'))
    .sort();
}

describe('builtin.ts lists what is on disk, under the files’ names', () => {
  it.each([
    ['explainers', 'methods', undefined],
    ['metrics', 'metrics', /\n {2}cite:/],
    ['baselines', 'data/baselines', undefined],
    ['readers', 'data', /: DataReader = \{/],
  ] as const)('%s', (kind, folder, mark) => {
    expect([...registry[kind].keys()].sort()).toEqual(filesOf(folder, mark));
  });

  it('engines: one folder each', () => {
    const folders = readdirSync(join(source, 'engines'), { withFileTypes: true })
      .filter(
        item =>
          item.isDirectory() && readdirSync(join(source, 'engines', item.name)).includes(`${item.name}-engine.ts`),
      )
      .map(item => item.name);
    expect([...registry.engines.keys()].sort()).toEqual(folders.sort());
  });
});

it('presets and default options are sound, and name baselines that are there', () => {
  for (const part of [...registry.explainers.values(), ...registry.metrics.values()]) {
    const baselines = [part.baseline, ...Object.values(part.presets).map(p => p.baseline)];
    for (const name of baselines) expect(name === undefined || registry.baselines.has(name)).toBe(true);
    for (const preset of [{}, ...Object.values(part.presets)]) {
      expect(() => part.options.parse(preset.options ?? {}), part.name).not.toThrow();
    }
  }
});
