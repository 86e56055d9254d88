import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { FORMAT_VERSION, type Manifest, type MapRow, type SampleRow, type ScoreRow } from '../../src/results/rows.ts';

/** A folder that goes when the test ends. In memory where there is such a thing: runs sync after every row. */
export async function temporaryFolder(): Promise<string> {
  const base = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
  const dir = await mkdtemp(join(base, 'ct-xai-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

export function manifest(change: Partial<Manifest> = {}): Manifest {
  const part = (id: string) => ({ id, name: id, title: id, cite: 'none', options: {} });
  return {
    formatVersion: FORMAT_VERSION,
    name: 'test',
    planDigest: 'abc',
    state: 'running',
    command: '',
    suite: {},
    seed: '1',
    versions: {},
    hardware: { cpu: 'x', cores: 1, memoryGb: 1, os: 'x' },
    startedAt: '2026-01-01T00:00:00Z',
    resumed: 0,
    dataset: { name: 'data', digest: 'd', count: 2, labels: ['a', 'b'] },
    models: [{ id: 'm', digest: 'x', classes: ['a', 'b'], task: 'softmax' }],
    methods: [
      { ...part('second'), kind: 'ranking', role: 'method' },
      { ...part('first'), kind: 'ranking', role: 'control' },
    ],
    metrics: [{ ...part('deletion'), category: 'faithfulness', better: 'lower', range: [0, 1], baseline: 'air' }],
    target: 'predicted',
    ...change,
  };
}

export function sampleRow(sample: string, index: number, change: Partial<SampleRow> = {}): SampleRow {
  return {
    kind: 'sample',
    model: 'm',
    sample,
    index,
    source: `${sample}.png`,
    patient: `p-${sample}`,
    label: 'a',
    predicted: 'b',
    probabilities: [0.25, 0.75],
    target: 'b',
    targetProbability: 0.75,
    status: 'ok',
    ...change,
  };
}

export function mapRow(sample: string, method: string, change: Partial<MapRow> = {}): MapRow {
  return { kind: 'map', model: 'm', sample, method, status: 'ok', file: `attributions/m/${method}/x.npy`, ...change };
}

export function scoreRow(sample: string, method: string, value: number, change: Partial<ScoreRow> = {}): ScoreRow {
  const names = {
    kind: 'score' as const,
    model: 'm',
    sample,
    method,
    metric: 'deletion',
    baseline: 'air',
    target: 'b',
  };
  return { ...names, status: 'ok', value, ...change };
}
