/** Differences within patients, one column per comparison. */
export interface Differences {
  readonly patients: number;
  readonly comparisons: number;
  /** patients × comparisons, a row per patient; NaN where a patient lacks one side of the comparison. */
  readonly values: Float64Array;
}

/**
 * Column a − column b of a table for each of `pairs`.
 * @param table patients × methods: means within patients; null where a method has none
 * @throws RangeError if rows differ in length or a value is not finite
 */
export function differencesOf(
  table: readonly (readonly (number | null)[])[],
  pairs: readonly (readonly [number, number])[],
): Differences {
  const k = table[0]?.length ?? 0;
  const values = new Float64Array(table.length * pairs.length);
  table.forEach((row, i) => {
    if (row.length !== k) throw new RangeError(`row ${i} has ${row.length} methods, row 0 has ${k}`);
    const bad = row.find(v => v !== null && !Number.isFinite(v));
    if (bad !== undefined) throw new RangeError(`row ${i} has the value ${bad}`);
    pairs.forEach(([a, b], p) => {
      const [x, y] = [row[a], row[b]];
      values[i * pairs.length + p] = x == null || y == null ? Number.NaN : x - y;
    });
  });
  return { patients: table.length, comparisons: pairs.length, values };
}

/** The same differences, each less `by`. */
export function shifted(d: Differences, by: number): Differences {
  return { ...d, values: d.values.map(v => v - by) };
}

/** Mean and spread of one comparison over the patients that have it. */
export interface Moments {
  readonly patients: number;
  /** 0 without patients. */
  readonly mean: number;
  /** Σ (d − mean)²; 0 where that is no more than rounding. */
  readonly squares: number;
  /** Σ (d − mean)³ */
  readonly cubes: number;
}

export function momentsOf({ patients: n, comparisons, values }: Differences, c: number): Moments {
  let [sum, m, size] = [0, 0, 0];
  for (let i = 0; i < n; i++) {
    const d = values[i * comparisons + c]!;
    if (Number.isNaN(d)) continue;
    sum += d;
    size = Math.max(size, Math.abs(d));
    m++;
  }
  const mean = m > 0 ? sum / m : 0;
  let [squares, cubes] = [0, 0];
  for (let i = 0; i < n; i++) {
    const d = values[i * comparisons + c]! - mean;
    if (Number.isNaN(d)) continue;
    squares += d * d;
    cubes += d * d * d;
  }
  const none = squares <= 1e-24 * m * size * size;
  return { patients: m, mean, squares: none ? 0 : squares, cubes: none ? 0 : cubes };
}
