/** What the pairing needs of an image. */
export interface DonorCandidate {
  readonly id: string;
  readonly patient: string;
  /** The class it is matched on: its label's where known, else the predicted one. */
  readonly class: number;
}

/**
 * The image whose map stands in for image `i`'s in the control `shuffled`: same class, another patient. It depends on
 * the seed and on the ids alone, not on the order of `samples`: the candidate whose hash with `i`'s id is smallest.
 * @returns its index, or undefined where no other patient has an image of that class.
 */
export function donorOf(samples: readonly DonorCandidate[], i: number, seed: number | string): number | undefined {
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
