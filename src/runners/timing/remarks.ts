import { quantile } from '../../core/statistics/quantile.ts';
import { stability, UNSTABLE } from '../../core/statistics/stability.ts';
import type { Passes, TimingRow } from '../../results/rows.ts';
import type { Call } from './call.ts';

/** Below this share at work, a method waits; where others use the cores and nobody tells how long, it may have to. */
const WORKS = { known: 0.5, crowded: 0.2 };
/** Below this many milliseconds clocks and caches decide. */
const LEAST_MS = 0.5;

export interface Evidence {
  /** The first call, on image 0 as it is. */
  readonly first: { readonly passes: Passes };
  /** Of images and variations that the method had not seen. */
  readonly calls: readonly Call[];
  /** Of images new to it, and of the same images again: pairs, one right after the other. */
  readonly fresh: readonly Call[];
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

/** Pairs of calls without which time accuses nobody. */
const LEAST_PAIRS = 3;

/** Fewer passes, or less than half the time in every pair, on an image that it has just explained. */
function remembers({ first, calls, fresh, seen, host }: Evidence): string | undefined {
  const pairs = seen.map((again, i) => ({ again, before: fresh[i]! }));
  if (pairs.some(({ again, before }) => total(again.passes) < total(before.passes))) {
    return 'it remembers: it asks for fewer passes on images that it has seen; only unseen ones are timed';
  }
  const same = calls.filter(c => c.image === 0);
  if (same.length > 0 && same.every(c => total(c.passes) < total(first.passes))) {
    return (
      `it works ahead: its first call asked for ${total(first.passes)} passes, ` +
      `later ones for the same image for ${Math.max(...same.map(c => total(c.passes)))}`
    );
  }
  const less = (again: number, before: number) => again < before / 2 && before - again > LEAST_MS;
  // Others' load doubles wall time at times, CPU time hardly; what a graphics device does takes none of it.
  const faster = pairs.filter(
    ({ again, before }) => less(again.wallMs, before.wallMs) && (!host || less(again.cpuMs, before.cpuMs)),
  );
  if (pairs.length >= LEAST_PAIRS && faster.length === pairs.length) {
    return 'it remembers: it is more than twice as fast on images that it has seen; only unseen ones are timed';
  }
  return undefined;
}

/**
 * Neither CPU nor device works in most of the wall time, but for what others had the cores. Unknown on a device without
 * a clock.
 */
function waits({ calls, deviceMs, host, machine }: Evidence): string | undefined {
  if (calls.length === 0 || (!host && deviceMs === undefined)) return undefined;
  // Call by call: a collection of garbage in one of them is not what the method does.
  const known = calls.every(c => c.delayMs !== undefined);
  const parts = calls.map(c => {
    const working = c.cpuMs + (deviceMs ?? 0);
    const idle = Math.max(0, c.wallMs - working - (c.delayMs ?? 0));
    return { idle, share: working / (working + idle) };
  });
  const middle = (pick: (part: (typeof parts)[number]) => number) => quantile(parts.map(pick), 0.5);
  const share = middle(part => part.share);
  const bound = !known && isCrowded(machine) ? WORKS.crowded : WORKS.known;
  if (share >= bound || middle(part => part.idle) < LEAST_MS) return undefined;
  return `it waits: neither CPU nor device works in ${Math.round(100 * (1 - share))} % of its time`;
}

function leaves({ calls }: Evidence): string | undefined {
  const left = Math.max(0, ...calls.map(c => c.left));
  return left === 0 ? undefined : `it ends with up to ${left} passes in flight; they are waited for and timed`;
}

function total({ forward, backward }: Passes): number {
  return forward + backward;
}
