import { describe, expect, test } from 'vitest';
import { createRng } from '../../src/core/rng.ts';
import { compareTimings } from '../../src/reports/analysis/timing-compare.ts';
import { renderTimingPage } from '../../src/reports/page/timing-page.ts';
import { timingRemarks } from '../../src/reports/text/timing-words.ts';
import type { TimingRow } from '../../src/results/rows.ts';
import { incomparable, type TimingsFile } from '../../src/results/timings-file.ts';
import { elementsOf } from './render.ts';

function row(method: string, factor: number, change: Partial<TimingRow> = {}, n = 9): TimingRow {
  const rng = createRng(`${method} ${factor}`);
  const calls = Array.from(
    { length: n },
    (_, i) => [i % 3, factor * [10, 20, 70][i % 3]! * Math.exp(0.02 * rng.normal())] as const,
  );
  const sorted = calls.map(c => c[1]).sort((a, b) => a - b);
  const p50 = sorted[n >> 1]!;
  return {
    kind: 'timing',
    model: 'm',
    engine: 'onnx',
    device: 'cpu',
    method,
    samples: n,
    calls,
    wallMs: { mean: p50, p50, min: sorted[0]!, q1: 0.9 * p50, q3: 1.1 * p50 },
    status: 'ok',
    ...change,
  };
}

function file(rows: readonly TimingRow[], change: Partial<TimingsFile> = {}): TimingsFile {
  return {
    kind: 'ct-xai-bench timings',
    formatVersion: 1,
    command: 'ct-xai time "a" <b>',
    startedAt: '2026-01-01T00:00:00Z',
    versions: { 'ct-xai-bench': '1' },
    hardware: { cpu: 'x', cores: 2, memoryGb: 8, os: 'linux 6.1 x64' },
    seed: '0',
    data: { name: 'phantom', digest: 'd' },
    settings: { samples: 3, repeats: 9, seconds: 20 },
    models: [{ id: 'm', digest: 'd' }],
    methods: [...new Set(rows.map(r => r.method))].map(id => ({ id, name: id, options: {} })),
    rows,
    ...change,
  };
}

describe('changes from a baseline', () => {
  test('are slower or faster only where the interval excludes 1 and the change is over the tolerance', () => {
    const before = file([row('a', 1), row('b', 1), row('c', 1), row('d', 1), row('few', 1, {}, 4)]);
    const after = file([row('a', 1.4), row('b', 0.6), row('c', 1.0001), row('d', 1.02), row('few', 2, {}, 4)]);
    const found = compareTimings(before, after);
    expect(found.map(c => [c.method, c.verdict])).toEqual([
      ['a', 'slower'],
      ['b', 'faster'],
      ['c', 'alike'],
      ['d', 'alike'],
      ['few', 'open'],
    ]);
    expect(found[0]!.ratio!.ratio).toBeCloseTo(1.4, 1);
    expect(found[0]!.ratio!.low!).toBeGreaterThan(1.3);
  });

  test('are not told of what is not the same thing', () => {
    const before = file([row('a', 1), row('gone', 1), row('b', 1, { deviceName: 'old' })]);
    const after = file([
      row('a', 9),
      row('new', 1),
      row('b', 9, { deviceName: 'new' }),
      row('a', 9, { device: 'webgpu' }),
    ]);
    const other = { ...after, models: [{ id: 'm', digest: 'other' }] };
    const notes = (changes: ReturnType<typeof compareTimings>) => changes.map(c => [c.method, c.verdict, c.note]);
    expect(notes(compareTimings(before, other)).filter(c => c[0] === 'a')).toEqual([
      ['a', 'open', 'the model has changed'],
      ['a', 'open', 'not in the baseline'],
    ]);
    expect(notes(compareTimings(before, after)).slice(1)).toEqual([
      ['new', 'open', 'not in the baseline'],
      ['b', 'open', 'the baseline ran on old'],
      ['a', 'open', 'not in the baseline'],
    ]);
  });

  test('are refused where machine, images or seed are others; another kernel is the same machine', () => {
    const one = file([]);
    expect(incomparable(one, { ...one, hardware: { ...one.hardware, os: 'linux 6.2 x64' } })).toBeUndefined();
    expect(incomparable(one, { ...one, hardware: { ...one.hardware, cpu: 'y' } })).toMatch(/another machine/);
    expect(incomparable(one, { ...one, data: { name: 'x', digest: 'e' } })).toMatch(/other images/);
    expect(incomparable(one, { ...one, seed: '1' })).toMatch(/another seed/);
  });
});

test('the page of timings is well-formed, with devices side by side and changes', () => {
  const rows = [
    row('a', 1),
    row('a', 3, {
      device: 'webgpu',
      deviceMs: { p50: 1, sumP50: 2, samples: 5 },
      deviceTimeSource: 'timestamp queries',
      elsewhere: { Resize: 3 },
      remarks: ['it waits: <all> the time'],
    }),
    row('b', 1, { status: 'failed', reason: 'a <reason>', samples: 0, machine: { cores: 2, othersCores: 0.1 } }),
  ];
  const before = file([row('a', 2), row('b', 1)]);
  const page = renderTimingPage(file(rows), compareTimings(before, file(rows)));
  const elements = elementsOf(page);
  expect(elements.filter(e => e.name === 'svg' && e.attributes.role === 'img')).toHaveLength(1);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  expect(page).toContain('3 Resize');
  expect(page).toContain('faster');
  expect(timingRemarks(rows)).toEqual([
    'a (onnx on webgpu): it waits: <all> the time.',
    'Meanwhile (onnx on cpu) other processes kept 0.1 of 2 cores busy.',
    'Not on the device asked for, in a (onnx on webgpu): 3 Resize.',
  ]);
});
