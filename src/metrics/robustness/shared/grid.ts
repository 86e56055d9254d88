/** The sum of `value` of a map's pixels in each cell of a grid of `side` × `side` nearly equal cells, row by row. */
export function gridMasses(
  map: ArrayLike<number>,
  [height, width]: readonly [number, number],
  side: number,
  value: (v: number) => number = v => v,
): Float64Array {
  const masses = new Float64Array(side * side);
  for (let y = 0; y < height; y++) {
    const row = Math.floor((y * side) / height) * side;
    for (let x = 0; x < width; x++) masses[row + Math.floor((x * side) / width)]! += value(map[y * width + x]!);
  }
  return masses;
}
