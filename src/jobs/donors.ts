import type { Plan, PlannedModel } from '../config/plan.ts';
import { isExplained, samplesOf } from '../config/samples.ts';
import type { RunStore } from '../results/run-store.ts';
import type { Donor, DonorOf } from './plan-jobs.ts';

/** What the pairing needs of an image. */
export interface DonorCandidate {
  readonly id: string;
  readonly patient: string;
  /** The class explained. */
  readonly class: string;
}

/**
 * The image whose map stands in for image `i`'s in the control `shuffled`: the same class explained, another patient.
 * It depends on the seed and on the ids alone, not on the order of `samples`: the candidate whose hash with `i`'s id is
 * smallest.
 * @returns its index, or undefined where no other patient has an image of that class.
 */
export function donorIndex(samples: readonly DonorCandidate[], i: number, seed: number | string): number | undefined {
  const own = samples[i]!;
  const start = hash(JSON.stringify([seed, own.id]));
  let best: number | undefined;
  let lowest = Number.POSITIVE_INFINITY;
  for (let j = 0; j < samples.length; j++) {
    const other = samples[j]!;
    if (other.class !== own.class || other.patient === own.patient) continue;
    const draw = hash(other.id, start);
    if (draw < lowest || (draw === lowest && other.id < samples[best!]!.id)) {
      best = j;
      lowest = draw;
    }
  }
  return best;
}

/** 32 bits of a text: FNV-1a over its code units, then the finaliser of MurmurHash3. A stream for each pair is slow. */
function hash(text: string, start = 0x811c9dc5): number {
  let h = start;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

interface Candidate extends DonorCandidate {
  /** Explainers whose map of it is `ok`. */
  readonly maps: ReadonlySet<string>;
}

/**
 * Whose map stands in for whose, as far as the store's rows decide it: among the images whose map is `ok`, once every
 * image of the plan has its prediction and its map of the explainer.
 */
export async function donorsOf(plan: Plan, model: PlannedModel, store: RunStore): Promise<DonorOf> {
  const borrowed = new Set(plan.explainers.flatMap(planned => planned.of ?? []));
  if (borrowed.size === 0) return () => 'not known yet';
  const candidates: Candidate[] = [];
  const incomplete = new Set<string>();
  for await (const sample of samplesOf(plan)) {
    if (!isExplained(plan, model, sample)) continue;
    const maps = new Set<string>();
    const done = new Set<string>();
    let own: DonorCandidate | undefined;
    for (const row of await store.rowsOf(model.id, sample.id)) {
      if (row.kind === 'sample' && row.status === 'ok' && row.target !== undefined) {
        own = { id: sample.id, patient: row.patient, class: row.target };
      } else if (row.kind === 'map' && row.modelVariant === undefined && borrowed.has(row.method)) {
        done.add(row.method);
        if (row.status === 'ok') maps.add(row.method);
      }
    }
    for (const of of borrowed) if (!done.has(of)) incomplete.add(of);
    if (own) candidates.push({ ...own, maps });
  }
  return (sample, of): Donor => {
    if (incomplete.has(of)) return 'not known yet';
    const able = candidates.filter(c => c.id === sample || c.maps.has(of));
    const at = able.findIndex(c => c.id === sample);
    const found = at < 0 ? undefined : donorIndex(able, at, plan.seed);
    if (found !== undefined) return { sample: able[found]!.id };
    return { reason: `no other patient whose explained class is the same has a map of ${of}` };
  };
}
