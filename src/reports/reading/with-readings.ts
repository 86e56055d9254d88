import type { Manifest } from '../../results/rows.ts';
import type { RunSummary, ScoreCell } from '../summary/collect.ts';
import { createPassMeans } from '../summary/means.ts';
import { isPrimary } from '../summary/primary.ts';
import type { RunData } from '../summary/run-data.ts';
import { createTally } from '../summary/tally.ts';
import { RATINGS } from './reading-set.ts';

/** One rating of one map by one reader. */
export interface Rating {
  readonly reader: string;
  readonly set: string;
  readonly item: string;
  readonly model: string;
  readonly sample: string;
  readonly method: string;
  /** 1 … 5 */
  readonly rating: number;
}

/** The metric that ratings become. */
export const READER_RATING = 'reader-rating';

/** The run with its readers' ratings as one more metric of plausibility: the mean over readers of each map. */
export function withReadings<T extends Omit<RunData, 'gallery'>>(run: T, ratings: readonly Rating[]): T {
  const { manifest, summary } = run;
  const metric: Manifest['metrics'][number] = {
    id: READER_RATING,
    name: READER_RATING,
    title: 'Readers’ rating',
    cite: '',
    category: 'localisation',
    better: 'higher',
    range: [1, RATINGS],
    rankable: true,
    options: { readers: [...new Set(ratings.map(r => r.reader))], scale: [1, RATINGS] },
  };
  const cells = manifest.models.flatMap(model =>
    manifest.methods.map(method => cellOf(manifest, summary, model.id, method.id, ratings)),
  );
  return {
    ...run,
    manifest: { ...manifest, metrics: [...manifest.metrics.filter(m => m.id !== READER_RATING), metric] },
    summary: { ...summary, scores: [...summary.scores, ...cells] },
    readings: ratings,
  };
}

function cellOf(
  manifest: Manifest,
  { samples }: RunSummary,
  model: string,
  method: string,
  ratings: readonly Rating[],
): ScoreCell {
  const sums = new Map<string, number[]>();
  for (const r of ratings) {
    if (r.model === model && r.method === method) sums.set(r.sample, [...(sums.get(r.sample) ?? []), r.rating]);
  }
  const [others, primaryOthers] = [createTally(), createTally()];
  const values = new Map<string, number>();
  for (const row of samples) {
    if (row.model !== model || row.status !== 'ok' || row.target === undefined) continue;
    const own = sums.get(row.sample);
    if (own) {
      values.set(row.sample, own.reduce((a, b) => a + b, 0) / own.length);
      continue;
    }
    others.add('skipped', 'no reader has rated it');
    if (isPrimary(manifest, row)) primaryOthers.add('skipped', 'no reader has rated it');
  }
  return {
    ...{ model, method, metric: READER_RATING, values, chances: new Map(), baselines: [] },
    ...{ others: others.finish(), primaryOthers: primaryOthers.finish() },
    passes: createPassMeans().finish(),
    saved: { forward: 0, backward: 0 },
  };
}
