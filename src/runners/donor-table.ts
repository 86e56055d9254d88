import { type DonorCandidate, donorOf } from '../config/donors.ts';
import type { Journal } from '../results/journal.ts';

interface Candidate extends DonorCandidate {
  /** Files of its maps that are `ok`, by method. */
  readonly maps: ReadonlyMap<string, string>;
}

/** Whose map stands in for whose, for one model. */
export interface DonorTable {
  /** A file of the run folder, or why there is none. */
  donorFor(sample: string, method: string): { readonly sample: string; readonly file: string } | { reason: string };
}

/**
 * Pairs images as `donorOf` does, among those whose map of the method is `ok`.
 * @param of the methods whose maps are wanted
 */
export async function readDonors(
  journal: Journal,
  model: string,
  classes: readonly string[],
  of: ReadonlySet<string>,
  seed: number | string,
): Promise<DonorTable> {
  const candidates = new Map<string, Candidate>();
  for (const sample of journal.index.samples.get(model)?.keys() ?? []) {
    const maps = new Map<string, string>();
    let own: DonorCandidate | undefined;
    for (const row of await journal.rowsOf(model, sample)) {
      if (row.kind === 'sample' && row.status === 'ok') {
        own = { id: sample, patient: row.patient, class: classes.indexOf(row.label ?? row.predicted ?? '') };
      } else if (row.kind === 'map' && row.status === 'ok' && row.file !== undefined && of.has(row.method)) {
        maps.set(row.method, row.file);
      }
    }
    if (own) candidates.set(sample, { ...own, maps });
  }
  return {
    donorFor(sample, method) {
      const able = [...candidates.values()].filter(c => c.id === sample || c.maps.has(method));
      const found = donorOf(
        able,
        able.findIndex(c => c.id === sample),
        seed,
      );
      if (found === undefined) return { reason: `no other patient of the same class has a map of ${method}` };
      const donor = able[found]!;
      return { sample: donor.id, file: donor.maps.get(method)! };
    },
  };
}
