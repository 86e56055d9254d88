/** Ranks 1 … n, ascending; equal values share the mean of their ranks. */
export function averageRanks(values: readonly number[]): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const ranks = new Array<number>(values.length);
  for (let start = 0; start < order.length; ) {
    let end = start + 1;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let r = start; r < end; r++) ranks[order[r]!] = (start + 1 + end) / 2;
    start = end;
  }
  return ranks;
}
