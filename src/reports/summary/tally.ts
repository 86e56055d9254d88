import type { Status } from '../../core/contracts/index.ts';

/** Rows without a value, counted by status and reason. */
export type Tally = readonly ReasonCount[];

export interface ReasonCount {
  readonly status: Exclude<Status, 'ok'>;
  /** One of the reasons as written (the first in string order). Reasons that differ in numbers or quotes only are one. */
  readonly reason: string;
  /** Whether the group holds differing texts. */
  readonly varied: boolean;
  readonly count: number;
}

/** Distinct reasons kept; further ones are counted together. */
const MOST = 100;
const LONGEST = 400;

export interface TallyDraft {
  add(status: Status, reason: string | undefined): void;
  finish(): Tally;
}

export function createTally(): TallyDraft {
  const groups = new Map<string, { status: Exclude<Status, 'ok'>; reason: string; varied: boolean; count: number }>();
  return {
    add(status, given) {
      if (status === 'ok') return;
      const reason = shorten((given ?? '').trim() || 'no reason was recorded');
      let key = `${status} ${shapeOf(reason)}`;
      let shown = reason;
      if (!groups.has(key) && groups.size >= MOST) {
        key = `${status} …`;
        shown = `other reasons (beyond the first ${MOST})`;
      }
      const group = groups.get(key);
      if (!group) groups.set(key, { status, reason: shown, varied: false, count: 1 });
      else {
        group.count++;
        if (shown !== group.reason) {
          group.varied = true;
          if (shown < group.reason) group.reason = shown;
        }
      }
    },
    finish: () => sorted([...groups.values()]),
  };
}

/** Several tallies as one. */
export function mergeTallies(tallies: Iterable<Tally>): Tally {
  const groups = new Map<string, ReasonCount>();
  for (const tally of tallies) {
    for (const entry of tally) {
      const key = `${entry.status} ${shapeOf(entry.reason)}`;
      const held = groups.get(key);
      if (!held) groups.set(key, entry);
      else
        groups.set(key, {
          status: entry.status,
          reason: [entry.reason, held.reason].sort()[0]!,
          varied: held.varied || entry.varied || entry.reason !== held.reason,
          count: held.count + entry.count,
        });
    }
  }
  return sorted([...groups.values()]);
}

/** Number of rows in a tally, of one status or of all. */
export function countOf(tally: Tally, status?: Status): number {
  return tally.reduce((n, entry) => n + (status === undefined || entry.status === status ? entry.count : 0), 0);
}

const RANK = { failed: 0, undefined: 1, skipped: 2 };

function sorted(entries: ReasonCount[]): Tally {
  return entries.sort((a, b) => RANK[a.status] - RANK[b.status] || b.count - a.count || (a.reason < b.reason ? -1 : 1));
}

/** What is the same in messages that differ in their numbers and quoted names. */
export function shapeOf(reason: string): string {
  return reason.replace(/'[^']*'|"[^"]*"|‘[^’]*’/g, "'…'").replace(/[-−+]?\d+(?:[.,]\d+)*(?:e[-+]?\d+)?/gi, '#');
}

function shorten(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST - 1)}…`;
}
