import { describe, expect, it } from 'vitest';
import type { Call } from '../../src/runners/timing/call.ts';
import { type Evidence, remarksOf } from '../../src/runners/timing/remarks.ts';

const PASSES = { forward: 10, backward: 0 };

/** A call of so many milliseconds, of which the CPU worked so many. */
function call(wallMs: number, cpuMs = wallMs, more: Partial<Call> = {}): Call {
  return {
    image: 0,
    variation: 1,
    wallMs,
    cpuMs,
    jsMs: cpuMs,
    passes: PASSES,
    left: 0,
    peakRssMb: 1,
    startedMs: 0,
    delayMs: 0,
    ...more,
  };
}

function evidence(change: Partial<Evidence> = {}): Evidence {
  return {
    first: { passes: PASSES },
    calls: [call(10), call(11), call(10)],
    fresh: [call(10), call(10), call(10)],
    seen: [call(10), call(9), call(10)],
    host: true,
    machine: { cores: 2, othersCores: 0 },
    ...change,
  };
}

describe('what is said of a timing', () => {
  it('is nothing where an explainer works', () => {
    expect(remarksOf(evidence())).toEqual([]);
  });

  it('is that it remembers, where it is faster on what it has seen in every pair', () => {
    const seen = [call(2), call(3), call(2)];
    expect(remarksOf(evidence({ seen })).join()).toContain('more than twice as fast on images that it has seen');
    expect(remarksOf(evidence({ seen: [call(2), call(9), call(2)] }))).toEqual([]);
    // The wall clock alone accuses nobody: others may have had the cores before.
    expect(remarksOf(evidence({ seen: [call(2, 10), call(3, 10), call(2, 10)] }))).toEqual([]);
    expect(remarksOf(evidence({ seen: seen.slice(0, 2) }))).toEqual([]);
  });

  it('is that it remembers, where it asks for fewer passes', () => {
    const seen = [call(10, 10, { passes: { forward: 9, backward: 0 } })];
    expect(remarksOf(evidence({ seen })).join()).toContain('it asks for fewer passes');
  });

  it('is that it waits, where neither CPU nor device works', () => {
    const calls = [call(12, 1), call(12, 1), call(13, 1)];
    expect(remarksOf(evidence({ calls })).join()).toContain('it waits');
    // Time in which others had the cores is not its own.
    expect(remarksOf(evidence({ calls: calls.map(c => ({ ...c, delayMs: 11 })) }))).toEqual([]);
    expect(remarksOf(evidence({ calls, host: false, deviceMs: 11 }))).toEqual([]);
  });

  it('is that passes were in flight at its end', () => {
    const calls = [call(10, 10, { left: 2 })];
    expect(remarksOf(evidence({ calls })).join()).toContain('up to 2 passes in flight');
  });
});
