/** Adjusted Rand index of two partitions (Hubert & Arabie 1985): 1 equal, 0 as by chance. */
export function adjustedRand(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const pairs = (n: number) => (n * (n - 1)) / 2;
  const count = (keys: Iterable<string | number>) => {
    const sizes = new Map<string | number, number>();
    for (const key of keys) sizes.set(key, (sizes.get(key) ?? 0) + 1);
    return [...sizes.values()].reduce((sum, n) => sum + pairs(n), 0);
  };
  const together = count(Array.from(a, (v, i) => `${v} ${b[i]}`));
  const [inA, inB] = [count(Array.from(a)), count(Array.from(b))];
  const expected = (inA * inB) / pairs(a.length);
  return (together - expected) / ((inA + inB) / 2 - expected);
}
