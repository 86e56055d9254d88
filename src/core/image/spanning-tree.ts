type Point = readonly [y: number, x: number];

/** Total length of the shortest tree that joins all points (Prim's algorithm on all distances). */
export function spanningTreeLength(points: readonly Point[]): number {
  const n = points.length;
  if (n === 0) return 0;
  const nearest = new Float64Array(n).fill(Number.POSITIVE_INFINITY);
  const joined = new Uint8Array(n);
  let total = 0;
  let at = 0;
  for (let k = 1; k < n; k++) {
    joined[at] = 1;
    let next = -1;
    for (let i = 0; i < n; i++) {
      if (joined[i]) continue;
      const squared = (points[i]![0] - points[at]![0]) ** 2 + (points[i]![1] - points[at]![1]) ** 2;
      if (squared < nearest[i]!) nearest[i] = squared;
      if (next < 0 || nearest[i]! < nearest[next]!) next = i;
    }
    total += Math.sqrt(nearest[next]!);
    at = next;
  }
  return total;
}

/** Area of the smallest convex region that holds all points (Andrew's monotone chain); 0 for points on one line. */
export function convexArea(points: readonly Point[]): number {
  const sorted = [...points].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const turn = (o: Point, a: Point, b: Point) => (a[0] - o[0]) * (b[1] - o[1]) - (a[1] - o[1]) * (b[0] - o[0]);
  const chain = (list: readonly Point[]): Point[] => {
    const hull: Point[] = [];
    for (const p of list) {
      while (hull.length >= 2 && turn(hull.at(-2)!, hull.at(-1)!, p) <= 0) hull.pop();
      hull.push(p);
    }
    return hull.slice(0, -1);
  };
  const hull = [...chain(sorted), ...chain(sorted.reverse())];
  let twice = 0;
  hull.forEach((p, i) => {
    const q = hull[(i + 1) % hull.length]!;
    twice += p[0] * q[1] - p[1] * q[0];
  });
  return Math.abs(twice) / 2;
}
