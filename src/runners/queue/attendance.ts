import type { Listener } from '../events.ts';
import type { Presence } from './messages.ts';
import type { RunQueue } from './queue-links.ts';

const LOOK_MS = 1000;

/** A worker that was not heard of for so long is gone. */
export const SILENT_MS = 30_000;

/** Who works for a run, and what they do. */
export interface Attendance {
  /** Looks, and tells what has changed, if the last look is long enough ago. @returns whether it looked. */
  look(): Promise<boolean>;
  /** Workers that are there and do not refuse. */
  working(): number;
}

export function createAttendance(queue: RunQueue, onEvent: Listener, now = () => performance.now()): Attendance {
  // The time of a worker's clock is compared with itself only.
  const known = new Map<string, { presence: Presence; changed: number; left: boolean }>();
  const processors = new Set<string>();
  let last = Number.NEGATIVE_INFINITY;
  let working = 0;

  const note = (presence: Presence) => {
    const { worker, refused, seen } = presence;
    const before = known.get(worker);
    if (before?.presence.seen === seen) return;
    if (before && !before.left && before.presence.refused === refused) {
      known.set(worker, { presence, left: false, changed: now() });
      return;
    }
    known.set(worker, { presence, changed: now(), left: false });
    if (refused !== undefined) {
      onEvent({ kind: 'worker', worker, state: 'refused', reason: refused });
      return;
    }
    onEvent({ kind: 'worker', worker, state: 'joined', reason: `${presence.host}, ${presence.cpu}` });
    processors.add(presence.cpu);
    if (processors.size === 2) {
      const message = 'the workers have different processors, so the last digits of their values may differ.';
      onEvent({ kind: 'warning', message });
    }
  };

  return {
    async look() {
      if (now() - last < LOOK_MS) return false;
      last = now();
      const present = await queue.presences();
      for (const presence of present) note(presence);
      for (const [worker, entry] of known) {
        const gone = !present.some(p => p.worker === worker) || now() - entry.changed > SILENT_MS;
        if (!gone || entry.left) continue;
        entry.left = true;
        if (entry.presence.refused === undefined) onEvent({ kind: 'worker', worker, state: 'left' });
      }
      working = [...known.values()].filter(({ left, presence }) => !left && presence.refused === undefined).length;
      const { waiting } = await queue.counts();
      onEvent({ kind: 'queue', waiting, workers: working, active: await queue.active() });
      return true;
    },
    working: () => working,
  };
}
