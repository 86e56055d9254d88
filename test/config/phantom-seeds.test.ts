import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createRng } from '../../src/core/rng.ts';
import { drawPlacebos } from '../../src/data/phantom/placebos.ts';
import { phantom, phantomSlices } from '../../src/data/readers/phantom.ts';

// The threshold of effects, audits and rankings use patients of their own, and none that a model was trained on. A phantom
// patient is given by seed, split and number; a training takes `train`, `val` and `test` of the seed that it is given.

interface Drawn {
  readonly seed: string | number;
  readonly split: 'train' | 'val' | 'test';
  readonly patients: number;
}
const suites = ['configs', 'configs/studies'].flatMap(folder =>
  readdirSync(folder)
    .filter(name => name.endsWith('.yaml'))
    .map(name => ({ name, suite: parse(readFileSync(`${folder}/${name}`, 'utf8')) })),
);
const drawn = new Map<string, Drawn>(
  suites
    .filter(({ suite }) => suite.data?.use === 'phantom')
    .map(({ name, suite }) => [name, { seed: 'phantom', split: 'test', patients: 24, ...suite.data }]),
);
const patientsOf = ({ seed, split, patients }: Drawn): string[] =>
  phantomSlices({ seed, split, patients, slices: 1, size: 64 }).map(({ spec }) => `${spec.seed} ${spec.patient}`);

describe('phantom patients of the shipped suites', () => {
  it('are of a seed of their own where they audit, rank in a study or show the truth', () => {
    const seedOf = (name: string) => drawn.get(name)!.seed;
    expect(seedOf('audit-bundled.yaml')).toBe('audit');
    const others = ['quickstart.yaml', 'phantom-truth.yaml', 'which-baseline.yaml'];
    for (const name of others) expect(seedOf(name)).not.toBe('audit');
    expect(new Set(['audit-bundled.yaml', ...others].map(seedOf)).size).toBe(4);
    // The forms of one study share their patients.
    for (const form of ['-quick', '-full'])
      expect(seedOf(`which-baseline${form}.yaml`)).toBe(seedOf('which-baseline.yaml'));
  });

  it('are no patient that the bundled classifiers were trained or chosen on', () => {
    for (const model of ['phantom-cnn', 'phantom-densenet']) {
      const { plan } = JSON.parse(readFileSync(`models/${model}/training.json`, 'utf8'));
      const [, train, val] = /phantom: (\d+) train, (\d+) val/.exec(plan.data)!.map(Number) as [number, number, number];
      expect([train, val].every(count => count >= 100)).toBe(true);
      const trained = new Set([
        ...patientsOf({ seed: 'phantom', split: 'train', patients: train }),
        ...patientsOf({ seed: 'phantom', split: 'val', patients: val }),
      ]);
      for (const [name, data] of drawn) {
        expect([name, patientsOf(data).filter(patient => trained.has(patient))]).toEqual([name, []]);
      }
    }
  });

  it('audit none whom the quickstart ranks by, nor the other way round', () => {
    const audited = new Set(patientsOf(drawn.get('audit-bundled.yaml')!));
    expect(audited.size).toBeGreaterThanOrEqual(120);
    for (const name of ['quickstart.yaml', 'phantom-truth.yaml', 'which-baseline.yaml', 'which-baseline-full.yaml']) {
      expect(patientsOf(drawn.get(name)!).filter(patient => audited.has(patient))).toEqual([]);
    }
  });
});

describe('placebos', () => {
  it('are of a seed that nothing else may have, and are the same for every seed of the data', async () => {
    for (const split of ['train', 'val', 'test']) {
      await expect(phantom.open({ seed: 'placebos', split }, { base: '.' })).rejects.toThrow(
        /told from chance; choose another/,
      );
    }
    for (const { seed } of drawn.values()) expect(seed).not.toBe('placebos');
    const firstOf = async (seed: string) => {
      const { placebos } = await phantom.open({ seed, size: 64, distractors: 1 }, { base: '.' });
      for await (const { whole } of placebos!.sets()) return whole.pixels.data;
      throw new Error('no placebos');
    };
    const first = await firstOf('audit');
    expect(await firstOf('quickstart')).toEqual(first);
    // Those of the seed `placebos`, drawn here apart from the reader.
    const [entry] = phantomSlices({ seed: 'placebos', split: 'test', patients: 70, slices: 1, size: 64 });
    expect(drawPlacebos(createRng('phantom 2 64'), entry!.spec, entry!.slice, 1).hu).toEqual(first);
  });
});
