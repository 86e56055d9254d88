import { stability, UNSTABLE } from '../../core/statistics/stability.ts';
import type { Passes, TimingRow } from '../../results/rows.ts';
import type { Call } from './call.ts';

/** Below this share of its wall time at work, a method waits; where others use the machine, it may be made to wait. */
const WORKS = { alone: 0.5, crowded: 0.2 };
/** Below this many milliseconds clocks and caches decide. */
const LEAST_MS = 0.5;

export interface Evidence {
  /** The first call, on image 0 as it is. */
  readonly first: { readonly passes: Passes };
  /** Of images and variations that the method had not seen. */
  readonly calls: readonly Call[];
  /** Of images that it had seen in just that variation. */
  readonly seen: readonly Call[];
  /** Median time in which the device worked, by its own clock; absent on the CPU and without a clock. */
  readonly deviceMs?: number;
  readonly host: boolean;
  readonly machine: NonNullable<TimingRow['machine']>;
}

/** What a method does that its timing must say. */
export function remarksOf(evidence: Evidence): string[] {
  return [remembers(evidence), waits(evidence), leaves(evidence)].filter(text => text !== undefined);
}

/** Why a timing is not to be relied on. */
export function instability({ calls, machine }: Pick<Evidence, 'calls' | 'machine'>): string[] {
  const reasons = [...stability(calls.map(c => ({ group: c.image, value: Math.max(c.wallMs, 1e-6) }))).reasons];
  if (isCrowded(machine)) {
    const others = machine.othersCores!.toFixed(1);
    reasons.push(`other processes kept ${others} of ${machine.cores} cores busy`);
  }
  return reasons;
}

function isCrowded({ othersCores = 0, cores }: NonNullable<TimingRow['machine']>): boolean {
  return othersCores > UNSTABLE.others * cores;
}

/** Fewer passes, or less than half the time, on an image that it has explained before. */
function remembers({ first, calls, seen }: Evidence): string | undefined {
  const again = seen.filter(s => {
    const before = calls.find(c => c.image === s.image && c.variation === s.variation);
    return before && total(s.passes) < total(before.passes);
  });
  if (again.length > 0) {
    return 'it remembers: it asks for fewer passes on images that it has seen; only unseen ones are timed';
  }
  const same = calls.filter(c => c.image === 0);
  if (same.length > 0 && same.every(c => total(c.passes) < total(first.passes))) {
    return (
      `it works ahead: its first call asked for ${total(first.passes)} passes, ` +
      `later ones for the same image for ${Math.max(...same.map(c => total(c.passes)))}`
    );
  }
  const faster = seen.filter(s => {
    const least = Math.min(...calls.filter(c => c.image === s.image).map(c => c.wallMs));
    return s.wallMs < least / 2 && least - s.wallMs > LEAST_MS;
  });
  if (seen.length > 0 && faster.length === seen.length) {
    return 'it remembers: it is more than twice as fast on images that it has seen; only unseen ones are timed';
  }
  return undefined;
}

/** Most of the wall time neither CPU nor device works. Unknown on a device without a clock. */
function waits({ calls, deviceMs, host, machine }: Evidence): string | undefined {
  if (calls.length === 0 || (!host && deviceMs === undefined)) return undefined;
  const wall = sum(calls.map(c => c.wallMs));
  const working = sum(calls.map(c => c.cpuMs)) + calls.length * (deviceMs ?? 0);
  const share = working / wall;
  if (share >= (isCrowded(machine) ? WORKS.crowded : WORKS.alone)) return undefined;
  if ((wall - working) / calls.length < LEAST_MS) return undefined;
  return `it waits: neither CPU nor device works in ${Math.round(100 * (1 - share))} % of its wall time`;
}

function leaves({ calls }: Evidence): string | undefined {
  const left = Math.max(0, ...calls.map(c => c.left));
  return left === 0 ? undefined : `it ends with up to ${left} passes in flight; they are waited for and timed`;
}

function total({ forward, backward }: Passes): number {
  return forward + backward;
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
