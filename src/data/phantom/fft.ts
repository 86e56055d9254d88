/** One stage of a radix-2 FFT: half as many roots of unity as its butterflies are long. */
export interface FftStage {
  readonly cos: Float64Array;
  readonly sin: Float64Array;
}

/** What an FFT of n values (a power of two) needs again and again. */
export interface FftPlan {
  readonly stages: readonly FftStage[];
  /** Where value k comes from. */
  readonly reversed: Uint32Array;
}

export function fftPlan(n: number): FftPlan {
  const stages: FftStage[] = [];
  for (let half = 1; half < n; half *= 2) {
    // The angle as a multiple of the finest one: all stages have the same rounding.
    const angle = (k: number) => (2 * Math.PI * (k * (n / 2 / half))) / n;
    stages.push({
      cos: Float64Array.from({ length: half }, (_, k) => Math.cos(angle(k))),
      sin: Float64Array.from({ length: half }, (_, k) => Math.sin(angle(k))),
    });
  }
  const reversed = new Uint32Array(n);
  for (let k = 1; k < n; k++) reversed[k] = (reversed[k >> 1]! >> 1) | (k & 1 ? n >> 1 : 0);
  return { stages, reversed };
}

/** In-place inverse FFT, unscaled, of values that were put in the order of `reversed`. */
export function butterflies(re: Float64Array, im: Float64Array, stages: readonly FftStage[]): void {
  const n = re.length;
  for (const { cos, sin } of stages) {
    const half = cos.length;
    for (let start = 0; start < n; start += 2 * half) {
      for (let k = 0; k < half; k++) {
        const p = start + k;
        const q = p + half;
        const r = re[q]! * cos[k]! - im[q]! * sin[k]!;
        const m = re[q]! * sin[k]! + im[q]! * cos[k]!;
        re[q] = re[p]! - r;
        im[q] = im[p]! - m;
        re[p]! += r;
        im[p]! += m;
      }
    }
  }
}
