/**
 * Krippendorff's α for ordinal ratings (Krippendorff 2011, Computing Krippendorff's alpha-reliability): 1 for full
 * agreement, 0 for what chance gives, below 0 for less than that. Readers may leave items out.
 * @param items for each item its ratings, one of each reader who rated it
 * @returns undefined where fewer than two items have two ratings, or all ratings are the same
 */
export function ordinalAlpha(items: readonly (readonly number[])[]): number | undefined {
  const paired = items.filter(ratings => ratings.length > 1);
  if (paired.length < 2) return undefined;
  const values = [...new Set(paired.flat())].sort((a, b) => a - b);
  const total = values.map(v => paired.reduce((n, ratings) => n + ratings.filter(r => r === v).length, 0));
  const n = total.reduce((a, b) => a + b, 0);
  const distance = (a: number, b: number): number => {
    const [low, high] = a < b ? [a, b] : [b, a];
    const between = total.slice(low, high + 1).reduce((x, y) => x + y, 0);
    return (between - (total[low]! + total[high]!) / 2) ** 2;
  };
  let observed = 0;
  for (const ratings of paired) {
    const places = ratings.map(r => values.indexOf(r));
    for (const [i, a] of places.entries())
      for (const b of places.slice(i + 1)) observed += (2 * distance(a, b)) / (ratings.length - 1);
  }
  let expected = 0;
  for (const a of total.keys()) for (const b of total.keys()) expected += total[a]! * total[b]! * distance(a, b);
  return expected > 0 ? 1 - ((n - 1) * observed) / expected : undefined;
}
