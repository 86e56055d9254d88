export interface ReliabilityBin {
  /** [low, high); the last one holds 1. */
  readonly low: number;
  readonly high: number;
  readonly images: number;
  /** Mean predicted probability; null in an empty bin. */
  readonly predicted: number | null;
  /** Share in which the event came about; null in an empty bin. */
  readonly observed: number | null;
}

export interface Calibration {
  readonly bins: readonly ReliabilityBin[];
  /** Expected calibration error over these bins: mean over images of |predicted − observed| of their bin. */
  readonly ece: number;
}

/** Reliability over bins of equal width (Guo et al. 2017). @param probabilities of the event, 0 … 1 */
export function calibration(
  probabilities: readonly number[],
  happened: readonly boolean[],
  binCount = 10,
): Calibration {
  const sums = Array.from({ length: binCount }, () => ({ images: 0, predicted: 0, observed: 0 }));
  probabilities.forEach((p, i) => {
    const bin = sums[Math.min(binCount - 1, Math.floor(p * binCount))]!;
    bin.images++;
    bin.predicted += p;
    if (happened[i]) bin.observed++;
  });
  const gap = sums.reduce((sum, { predicted, observed }) => sum + Math.abs(predicted - observed), 0);
  return {
    bins: sums.map(({ images, predicted, observed }, b) => ({
      low: b / binCount,
      high: (b + 1) / binCount,
      images,
      predicted: images > 0 ? predicted / images : null,
      observed: images > 0 ? observed / images : null,
    })),
    ece: probabilities.length > 0 ? gap / probabilities.length : 0,
  };
}
