import { createRng } from '../../core/rng.ts';
import { type Ratio, ratioOf } from '../../core/statistics/ratio.ts';
import type { Repeat } from '../../core/statistics/stability.ts';
import type { TimingRow } from '../../results/rows.ts';
import type { TimingsFile } from '../../results/timings-file.ts';
import { placeText } from '../text/timing-words.ts';

export type TimingVerdict = 'slower' | 'faster' | 'alike' | 'open';

/** One method of one model on one device, before and after. */
export interface TimingChange {
  readonly model: string;
  readonly method: string;
  readonly place: string;
  readonly before?: number;
  readonly after?: number;
  readonly ratio?: Ratio;
  /** `slower`, `faster`: the interval excludes 1 and the ratio is beyond the tolerance; `open`: no interval. */
  readonly verdict: TimingVerdict;
  /** Why there is no ratio, or what speaks against it. */
  readonly note?: string;
}

/** Ratios under which a change counts for nothing, however certain it is. */
export const TOLERANCE = 0.05;

/** What a comparison needs of timings. */
export type Timings = Pick<TimingsFile, 'rows' | 'models' | 'methods' | 'seed'>;

/** Changes of all timings of `after`, in its order. What only the baseline has was not asked for again. */
export function compareTimings(before: Timings, after: Timings, tolerance = TOLERANCE): TimingChange[] {
  const key = (row: TimingRow) => JSON.stringify([row.model, row.method, placeText(row)]);
  const olds = new Map(before.rows.map(row => [key(row), row]));
  return after.rows.map(row => changeOf(olds.get(key(row)), row, { before, after, tolerance }));
}

function changeOf(
  old: TimingRow | undefined,
  row: TimingRow,
  { before, after, tolerance }: { before: Timings; after: Timings; tolerance: number },
): TimingChange {
  const { model, method } = row;
  const base = {
    model,
    method,
    place: placeText(row),
    ...(old?.wallMs ? { before: old.wallMs.p50 } : {}),
    ...(row.wallMs ? { after: row.wallMs.p50 } : {}),
  };
  const open = (note: string): TimingChange => ({ ...base, verdict: 'open', note });
  if (!old) return open('not in the baseline');
  if (old.status !== 'ok' || row.status !== 'ok') {
    return open(`${old.status === 'ok' ? `now ${row.status}` : `${old.status} in the baseline`}`);
  }
  const same = <T extends { id: string }>(pick: (file: Timings) => readonly T[], id: string) =>
    JSON.stringify(pick(before).find(x => x.id === id)) === JSON.stringify(pick(after).find(x => x.id === id));
  if (!same(file => file.models, model)) return open('the model has changed');
  if (!same(file => file.methods, method)) return open('the options have changed');
  if (old.deviceName !== row.deviceName) return open(`the baseline ran on ${old.deviceName ?? 'another device'}`);
  const rng = createRng(after.seed).fork('compare', model, method, base.place);
  const ratio = ratioOf(repeatsOf(old), repeatsOf(row), { rng });
  if (!ratio) return open('no image is in both');
  const unstable = row.unstable || old.unstable ? { note: 'unstable' } : {};
  return { ...base, ratio, verdict: verdictOf(ratio, tolerance), ...unstable };
}

function verdictOf({ ratio, low, high }: Ratio, tolerance: number): TimingVerdict {
  if (low === null || high === null) return 'open';
  if (low > 1 && ratio > 1 + tolerance) return 'slower';
  return high < 1 && ratio < 1 / (1 + tolerance) ? 'faster' : 'alike';
}

/** The repeats of a timing, by image. */
export function repeatsOf({ calls = [] }: TimingRow): Repeat[] {
  return calls.filter(([, wallMs]) => wallMs > 0).map(([group, value]) => ({ group, value }));
}

/** How long a device takes as a multiple of another, over the same images. */
export function deviceRatio(row: TimingRow, reference: TimingRow, seed: string): Ratio | undefined {
  const rng = createRng(seed).fork('devices', row.model, row.method, placeText(row));
  return ratioOf(repeatsOf(reference), repeatsOf(row), { rng });
}
