/** Scores sorted once, so that the area can be taken again under many weights. */
export interface RocOrder {
  /** Images by ascending score. */
  readonly order: readonly number[];
  readonly scores: readonly number[];
  readonly positive: readonly boolean[];
}

export function rocOrder(scores: readonly number[], positive: readonly boolean[]): RocOrder {
  const order = scores.map((_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  return { order, scores, positive };
}

/**
 * The area under the ROC curve: the chance that a positive image scores above a negative one, ties half
 * (Mann–Whitney). Null without both kinds.
 * @param weights one per image; default 1 each.
 */
export function auc({ order, scores, positive }: RocOrder, weights?: ArrayLike<number>): number | null {
  let [below, positives, wins] = [0, 0, 0];
  for (let start = 0; start < order.length; ) {
    let [inPositives, inNegatives] = [0, 0];
    let end = start;
    for (; end < order.length && scores[order[end]!] === scores[order[start]!]; end++) {
      const i = order[end]!;
      const weight = weights?.[i] ?? 1;
      if (positive[i]) inPositives += weight;
      else inNegatives += weight;
    }
    wins += inPositives * (below + inNegatives / 2);
    below += inNegatives;
    positives += inPositives;
    start = end;
  }
  return positives > 0 && below > 0 ? wins / (positives * below) : null;
}
