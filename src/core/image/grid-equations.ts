import { factorCholesky, solveFactored } from '../linear/ridge.ts';

/** Linear equations on the pixels of a grid, each linked to its eight neighbours: symmetric and positive definite. */
export interface GridEquations {
  /** Pixels of a row with a ring of one pixel around the grid, so that no neighbour lies outside. */
  readonly stride: number;
  /** Pixels of the grid with its ring. */
  readonly size: number;
  /** Places of the unknowns in the grid with its ring, in ascending order. */
  readonly unknowns: Int32Array;
  /** Nine per unknown: its row of the matrix, for its neighbours from the upper left to the lower right; itself is the fifth. */
  readonly rows: Float64Array;
}

/** A solver that improves on a residual: what a preconditioner is. Writes an approximate solution to `out`. */
type Preconditioner = (residual: Float64Array, out: Float64Array) => void;

const MOST_ITERATIONS = 2000;
/** After so many iterations by the diagonal it is judged how many more they would be … */
const TRIAL_ITERATIONS = 6;
/** … and a multigrid cycle takes over where they would be more than so many. */
const WORTH_A_MULTIGRID = 24;
/** Grids with at most so many unknowns are solved directly. */
const FEW = 40;

/**
 * Solves `equations` for one right side after the other, by conjugate gradients, preconditioned by the diagonal, and by a
 * multigrid cycle where that takes long (Trottenberg, Oosterlee and Schüller 2001, section 7.8).
 *
 * Of the solver it returns, `rightSide` and `x` have one value per pixel of the grid with its ring. `x` is 0 but for the
 * unknowns, which hold a first guess, and afterwards the solution; `tolerance` is of the largest residual.
 * @throws Error where the residual stays above the tolerance
 */
export function gridSolver(
  equations: GridEquations,
): (rightSide: Float64Array, x: Float64Array, tolerance: number) => void {
  const diagonal = byDiagonal(equations);
  let multigrid: Preconditioner | undefined;
  return (rightSide, x, tolerance) => {
    if (conjugateGradients(equations, rightSide, x, tolerance, diagonal, isSlow) <= tolerance) return;
    multigrid ??= byMultigrid(equations);
    const left = conjugateGradients(equations, rightSide, x, tolerance, multigrid, n => n >= MOST_ITERATIONS);
    if (!(left <= tolerance)) throw new Error(`the equations of a fill are solved to ${left}, not to ${tolerance}`);
  };
}

/** Whether conjugate gradients by the diagonal take too long, as far as it can be foreseen. */
function isSlow(iterations: number, first: number, largest: number, tolerance: number): boolean {
  if (iterations < TRIAL_ITERATIONS) return false;
  if (iterations > TRIAL_ITERATIONS) return iterations >= WORTH_A_MULTIGRID;
  const foreseen = (iterations * Math.log(tolerance / first)) / Math.log(largest / first);
  return !(foreseen > 0 && foreseen <= WORTH_A_MULTIGRID);
}

/**
 * @param stops whether to give up, after so many iterations, by the first and the present largest residual
 * @returns the largest residual that is left
 */
function conjugateGradients(
  equations: GridEquations,
  rightSide: Float64Array,
  x: Float64Array,
  tolerance: number,
  precondition: Preconditioner,
  stops: (iterations: number, first: number, largest: number, tolerance: number) => boolean,
): number {
  const { unknowns, size } = equations;
  const residual = new Float64Array(size);
  const image = new Float64Array(size);
  const direction = new Float64Array(size);
  const improvement = new Float64Array(size);
  multiply(equations, x, image);
  let largest = 0;
  for (let u = 0; u < unknowns.length; u++) {
    const i = unknowns[u]!;
    residual[i] = rightSide[i]! - image[i]!;
    largest = Math.max(largest, Math.abs(residual[i]!));
  }
  const first = largest;
  let product = 0;
  for (let iteration = 0; largest > tolerance && !stops(iteration, first, largest, tolerance); iteration++) {
    precondition(residual, improvement);
    const previous = product;
    product = scalarProduct(unknowns, residual, improvement);
    const keep = iteration === 0 ? 0 : product / previous;
    for (let u = 0; u < unknowns.length; u++) {
      const i = unknowns[u]!;
      direction[i] = improvement[i]! + keep * direction[i]!;
    }
    multiply(equations, direction, image);
    const step = product / scalarProduct(unknowns, direction, image);
    largest = 0;
    for (let u = 0; u < unknowns.length; u++) {
      const i = unknowns[u]!;
      x[i]! += step * direction[i]!;
      const r = residual[i]! - step * image[i]!;
      residual[i] = r;
      if (r > largest) largest = r;
      else if (-r > largest) largest = -r;
    }
  }
  return largest;
}

function scalarProduct(unknowns: Int32Array, a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let u = 0; u < unknowns.length; u++) sum += a[unknowns[u]!]! * b[unknowns[u]!]!;
  return sum;
}

/** Writes the matrix times `v` to `out`. */
function multiply({ unknowns, rows, stride }: GridEquations, v: Float64Array, out: Float64Array): void {
  for (let u = 0, r = 0; u < unknowns.length; u++, r += 9) {
    const i = unknowns[u]!;
    out[i] =
      rows[r]! * v[i - stride - 1]! +
      rows[r + 1]! * v[i - stride]! +
      rows[r + 2]! * v[i - stride + 1]! +
      rows[r + 3]! * v[i - 1]! +
      rows[r + 4]! * v[i]! +
      rows[r + 5]! * v[i + 1]! +
      rows[r + 6]! * v[i + stride - 1]! +
      rows[r + 7]! * v[i + stride]! +
      rows[r + 8]! * v[i + stride + 1]!;
  }
}

function byDiagonal({ unknowns, rows }: GridEquations): Preconditioner {
  return (residual, out) => {
    for (let u = 0; u < unknowns.length; u++) out[unknowns[u]!] = residual[unknowns[u]!]! / rows[9 * u + 4]!;
  };
}

/** One V-cycle: Gauss–Seidel forwards, a correction from the grid of half the size, Gauss–Seidel backwards. */
function byMultigrid(equations: GridEquations): Preconditioner {
  const { unknowns, size } = equations;
  if (unknowns.length <= FEW) return directly(equations);
  const { coarse, restrict, interpolate } = coarsen(equations);
  const next = byMultigrid(coarse);
  const image = new Float64Array(size);
  const rest = new Float64Array(coarse.size);
  const correction = new Float64Array(coarse.size);
  return (residual, out) => {
    for (let u = 0; u < unknowns.length; u++) out[unknowns[u]!] = 0;
    sweep(equations, residual, out, true);
    multiply(equations, out, image);
    for (let u = 0; u < unknowns.length; u++) image[unknowns[u]!] = residual[unknowns[u]!]! - image[unknowns[u]!]!;
    restrict(image, rest);
    next(rest, correction);
    interpolate(correction, out);
    sweep(equations, residual, out, false);
  };
}

/** Gauss–Seidel through all unknowns. */
function sweep(
  { unknowns, rows, stride }: GridEquations,
  rightSide: Float64Array,
  x: Float64Array,
  forwards: boolean,
): void {
  const n = unknowns.length;
  const step = forwards ? 1 : -1;
  for (let u = forwards ? 0 : n - 1; u >= 0 && u < n; u += step) {
    const i = unknowns[u]!;
    const r = 9 * u;
    const rest =
      rightSide[i]! -
      rows[r]! * x[i - stride - 1]! -
      rows[r + 1]! * x[i - stride]! -
      rows[r + 2]! * x[i - stride + 1]! -
      rows[r + 3]! * x[i - 1]! -
      rows[r + 5]! * x[i + 1]! -
      rows[r + 6]! * x[i + stride - 1]! -
      rows[r + 7]! * x[i + stride]! -
      rows[r + 8]! * x[i + stride + 1]!;
    x[i] = rest / rows[r + 4]!;
  }
}

/** The coarse pixels that a pixel takes its value from along one axis, counted from the one at or before it. */
function parentsOf(place: number): [at: number, weight: number][] {
  return place % 2 === 0
    ? [[place / 2, 1]]
    : [
        [(place - 1) / 2, 0.5],
        [(place + 1) / 2, 0.5],
      ];
}

interface Share {
  /** Of the nine neighbours of a pixel in `gather`, of the nine coarse ones around its first parent in `spread`. */
  readonly from: number;
  /** The other one of the two in `gather`; the place in a coarse pixel's row in `spread`. */
  readonly to: number;
  readonly weight: number;
  /** The coarse pixel whose row it is, in rows and columns from the first parent. */
  readonly y: number;
  readonly x: number;
}

/** How a pixel's row becomes rows of its parents, for each of the four ways in which it lies between coarse pixels. */
const SHARES = [0, 1, 2, 3].map(kind => {
  const [oddY, oddX] = [kind >> 1, kind & 1];
  const gather: Share[] = [];
  for (let n = 0; n < 9; n++) {
    for (const [y, wy] of parentsOf(oddY + Math.floor(n / 3) - 1)) {
      for (const [x, wx] of parentsOf(oddX + (n % 3) - 1)) {
        gather.push({ from: n, to: 3 * y + x + 4, weight: wy * wx, y: 0, x: 0 });
      }
    }
  }
  const reached = [...new Set(gather.map(({ to }) => to))];
  const spread: Share[] = [];
  for (const [y, wy] of parentsOf(oddY)) {
    for (const [x, wx] of parentsOf(oddX)) {
      for (const from of reached) spread.push({ from, to: from - 3 * y - x, weight: wy * wx, y, x });
    }
  }
  return { gather: columns(gather), spread: columns(spread) };
});

function columns(shares: readonly Share[]) {
  return {
    from: Int32Array.from(shares, s => s.from),
    to: Int32Array.from(shares, s => s.to),
    weight: Float64Array.from(shares, s => s.weight),
    y: Int32Array.from(shares, s => s.y),
    x: Int32Array.from(shares, s => s.x),
  };
}

interface Coarser {
  readonly coarse: GridEquations;
  /** The transpose of `interpolate`. */
  readonly restrict: (fine: Float64Array, out: Float64Array) => void;
  /** Adds the bilinear interpolation of `coarse` to the unknowns of `out`. */
  readonly interpolate: (coarse: Float64Array, out: Float64Array) => void;
}

/** The equations on every second row and column, by bilinear interpolation and its transpose (Galerkin). */
function coarsen({ unknowns, rows, stride, size }: GridEquations): Coarser {
  const height = size / stride;
  // The ring's places 0 and the last are no pixels; pixel 1 is coarse pixel 1, pixel 3 is coarse pixel 2, and so on.
  const coarseStride = Math.floor((stride - 2) / 2) + 3;
  const coarseSize = (Math.floor((height - 2) / 2) + 3) * coarseStride;
  // Four coarse pixels per unknown, with their weights; those without weight are the first one again.
  const parents = new Int32Array(4 * unknowns.length);
  const weights = new Float64Array(4 * unknowns.length);
  const matrix = new Float64Array(9 * coarseSize);
  const gathered = new Float64Array(9);
  for (let u = 0; u < unknowns.length; u++) {
    const i = unknowns[u]!;
    const y = Math.floor(i / stride) - 1;
    const x = i - (y + 1) * stride - 1;
    const first = ((y >> 1) + 1) * coarseStride + (x >> 1) + 1;
    const [oddY, oddX] = [y & 1, x & 1];
    const weight = (oddY ? 0.5 : 1) * (oddX ? 0.5 : 1);
    for (let p = 0; p < 4; p++) {
      const has = p === 0 || (p === 1 && oddX) || (p === 2 && oddY) || (p === 3 && oddX && oddY);
      parents[4 * u + p] = has ? first + (p >> 1) * coarseStride + (p & 1) : first;
      weights[4 * u + p] = has ? weight : 0;
    }
    const { gather, spread } = SHARES[2 * oddY + oddX]!;
    gathered.fill(0);
    for (let s = 0; s < gather.from.length; s++) {
      gathered[gather.to[s]!]! += gather.weight[s]! * rows[9 * u + gather.from[s]!]!;
    }
    for (let s = 0; s < spread.from.length; s++) {
      const row = 9 * (first + spread.y[s]! * coarseStride + spread.x[s]!);
      matrix[row + spread.to[s]!]! += spread.weight[s]! * gathered[spread.from[s]!]!;
    }
  }
  const coarseUnknowns: number[] = [];
  for (let i = 0; i < coarseSize; i++) if (matrix[9 * i + 4]! > 0) coarseUnknowns.push(i);
  const coarse: GridEquations = {
    stride: coarseStride,
    size: coarseSize,
    unknowns: Int32Array.from(coarseUnknowns),
    rows: new Float64Array(9 * coarseUnknowns.length),
  };
  coarseUnknowns.forEach((i, u) => {
    coarse.rows.set(matrix.subarray(9 * i, 9 * i + 9), 9 * u);
  });
  return {
    coarse,
    restrict(fine, out) {
      out.fill(0);
      for (let u = 0, p = 0; u < unknowns.length; u++, p += 4) {
        const value = fine[unknowns[u]!]!;
        out[parents[p]!]! += weights[p]! * value;
        out[parents[p + 1]!]! += weights[p + 1]! * value;
        out[parents[p + 2]!]! += weights[p + 2]! * value;
        out[parents[p + 3]!]! += weights[p + 3]! * value;
      }
    },
    interpolate(values, out) {
      for (let u = 0, p = 0; u < unknowns.length; u++, p += 4) {
        out[unknowns[u]!]! +=
          weights[p]! * values[parents[p]!]! +
          weights[p + 1]! * values[parents[p + 1]!]! +
          weights[p + 2]! * values[parents[p + 2]!]! +
          weights[p + 3]! * values[parents[p + 3]!]!;
      }
    },
  };
}

function directly({ unknowns, rows, stride, size }: GridEquations): Preconditioner {
  const n = unknowns.length;
  const place = new Int32Array(size).fill(-1);
  unknowns.forEach((i, u) => {
    place[i] = u;
  });
  const matrix = new Float64Array(n * n);
  for (let u = 0; u < n; u++) {
    for (let j = 0; j < 9; j++) {
      const other = place[unknowns[u]! + (Math.floor(j / 3) - 1) * stride + (j % 3) - 1]!;
      if (other >= 0) matrix[u * n + other] = rows[9 * u + j]!;
    }
  }
  // Where there are more coarse pixels than unknowns below them, the matrix has no inverse; this changes it by nothing
  // that a preconditioner would notice.
  for (let u = 0; u < n; u++) matrix[u * n + u]! *= 1 + 1e-9;
  factorCholesky(matrix, n);
  const side = new Float64Array(n);
  return (residual, out) => {
    for (let u = 0; u < n; u++) side[u] = residual[unknowns[u]!]!;
    const solved = solveFactored(matrix, side);
    for (let u = 0; u < n; u++) out[unknowns[u]!] = solved[u]!;
  };
}
