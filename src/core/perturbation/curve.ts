/**
 * The area under a curve of straight pieces (trapezoid rule).
 * @throws RangeError if there are fewer than two points, or the lengths differ.
 */
export function areaUnder(x: readonly number[], y: readonly number[]): number {
  if (x.length !== y.length || x.length < 2) {
    throw new RangeError(`a curve needs two or more points and as many x as y; got ${x.length} and ${y.length}`);
  }
  let area = 0;
  for (let i = 1; i < x.length; i++) area += ((y[i]! + y[i - 1]!) / 2) * (x[i]! - x[i - 1]!);
  return area;
}

/** A curve's value at `at`, straight between its points, held beyond its ends. `x` ascends. */
export function valueAt(x: readonly number[], y: readonly number[], at: number): number {
  const right = x.findIndex(v => v >= at);
  if (right === -1) return y[y.length - 1]!;
  if (right === 0) return y[0]!;
  const [x0, x1] = [x[right - 1]!, x[right]!];
  return y[right - 1]! + ((at - x0) / (x1 - x0)) * (y[right]! - y[right - 1]!);
}
