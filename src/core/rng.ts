/**
 * A seeded random stream that can be forked by label, so that what a unit of work draws depends on its names alone,
 * never on the order or the process in which it runs.
 */
export interface Rng {
  /** Uniform in [0, 1), 32 bits. */
  next(): number;
  /** Uniform integer in [0, n). */
  int(n: number): number;
  /** Standard normal (Box–Muller). */
  normal(): number;
  /** A fresh stream for these labels; does not advance this one. */
  fork(...labels: readonly (string | number)[]): Rng;
  /** Fisher–Yates, in place; returns its argument. */
  shuffle<T extends { length: number; [i: number]: unknown }>(items: T): T;
}

/** 128 bits from a string (cyrb128-style multiply–xor mixing). */
function hash128(text: string): [number, number, number, number] {
  let [a, b, c, d] = [1779033703, 3144134277, 1013904242, 2773480762];
  for (let i = 0; i < text.length; i++) {
    const k = text.charCodeAt(i);
    a = b ^ Math.imul(a ^ k, 597399067);
    b = c ^ Math.imul(b ^ k, 2869860233);
    c = d ^ Math.imul(c ^ k, 951274213);
    d = a ^ Math.imul(d ^ k, 2716044179);
  }
  a = Math.imul(c ^ (a >>> 18), 597399067);
  b = Math.imul(d ^ (b >>> 22), 2869860233);
  c = Math.imul(a ^ (c >>> 17), 951274213);
  d = Math.imul(b ^ (d >>> 19), 2716044179);
  return [(a ^ b ^ c ^ d) >>> 0, (b ^ a) >>> 0, (c ^ a) >>> 0, (d ^ a) >>> 0];
}

/** A stream for a seed (sfc32, Doty-Humphrey; passes PractRand). */
export function createRng(seed: string | number): Rng {
  const key = String(seed);
  let [a, b, c, d] = hash128(key);
  const next32 = (): number => {
    const t = (a + b + d) | 0;
    d = (d + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + t) | 0;
    return t >>> 0;
  };
  for (let i = 0; i < 12; i++) next32();
  let spare: number | undefined;
  const rng: Rng = {
    next: () => next32() / 4294967296,
    int: n => Math.floor((next32() / 4294967296) * n),
    normal() {
      if (spare !== undefined) {
        const z = spare;
        spare = undefined;
        return z;
      }
      const r = Math.sqrt(-2 * Math.log(1 - rng.next()));
      const phi = 2 * Math.PI * rng.next();
      spare = r * Math.sin(phi);
      return r * Math.cos(phi);
    },
    // JSON keeps ['a', 'b'] and ['a,b'] apart.
    fork: (...labels) => createRng(JSON.stringify([key, ...labels])),
    shuffle(items) {
      for (let i = items.length - 1; i > 0; i--) {
        const j = rng.int(i + 1);
        const held = items[i];
        (items as Record<number, unknown>)[i] = items[j];
        (items as Record<number, unknown>)[j] = held;
      }
      return items;
    },
  };
  return rng;
}
