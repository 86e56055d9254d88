/** What the neighbours of a pixel weigh in it: those beside it, and those across a corner. */
const BESIDE = 1 / 6;
const ACROSS = 1 / 12;
/** How much of what the factorisation leaves out is taken off its pivots: all of it suits wide holes only. */
const MODIFIED = 0.999;
/**
 * The root of the error's energy at which a hole counts as filled, as a share of the largest value in it. The error of a
 * pixel is at most that root times the root of how often a random walk from the pixel comes back to it before it leaves
 * the hole, which is less than three in holes of up to a thousand pixels. So pixels are right to a millionth. The 32-bit
 * floats that take them round to a sixteenth of that, and the noise of images is a thousand times as much.
 */
const TOLERANCE = 3e-7;
const MOST_ITERATIONS = 10_000;

/**
 * The equations of removed pixels: each is the mean of its eight neighbours, direct ones weighing 1/6 and diagonal ones
 * 1/12; neighbours outside the grid do not count.
 *
 * They are solved by conjugate gradients. The preconditioner is an incomplete factorisation that keeps the sums of rows
 * (Gustafsson 1978) and changes nothing but the pivots, so that an iteration is one substitution in each direction and no
 * product with the matrix besides (Eisenstat 1981).
 *
 * Grids have a ring of one pixel around them, so that no neighbour lies outside. Buffers are kept for the next hole.
 */
export class HoleEquations {
  readonly height: number;
  readonly width: number;
  /** Pixels of a row with its ring. */
  readonly stride: number;
  /** Pixels of the grid with its ring. */
  readonly size: number;
  /** Places of the removed pixels in the grid with its ring, ascending. */
  #places: Int32Array = new Int32Array(0);
  readonly #all: Int32Array;
  readonly #isRemoved: Uint8Array;
  /** Of the removed pixels, in this order: weights of the neighbours together, pivots and their inverses. */
  readonly #diagonal: Float64Array;
  readonly #pivots: Float64Array;
  readonly #inverse: Float64Array;
  readonly #residual: Float64Array;
  readonly #direction: Float64Array;
  /** What a step changes. */
  readonly #change: Float64Array;
  /** Products of what a step changes: with the direction, the residual and itself. */
  readonly #products = new Float64Array(3);
  /** Of the grid with its ring: 0 but for the removed pixels. */
  readonly #step: Float64Array;
  readonly #forward: Float64Array;

  constructor(height: number, width: number) {
    [this.height, this.width, this.stride] = [height, width, width + 2];
    this.size = this.stride * (height + 2);
    const pixels = height * width;
    [this.#all, this.#isRemoved] = [new Int32Array(pixels), new Uint8Array(this.size)];
    [this.#diagonal, this.#pivots, this.#inverse] = [values(pixels), values(pixels), values(pixels)];
    [this.#residual, this.#direction, this.#change] = [values(pixels), values(pixels), values(pixels)];
    [this.#step, this.#forward] = [values(this.size), values(this.size)];
  }

  /** @param removed [height, width] of 0 and 1, with at least one 0 */
  remove(removed: Uint8Array): void {
    const { height, width, stride } = this;
    const isRemoved = this.#isRemoved.fill(0);
    let n = 0;
    for (let y = 0, pixel = 0; y < height; y++) {
      for (let i = (y + 1) * stride + 1, end = i + width; i < end; i++, pixel++) {
        if (removed[pixel] === 0) continue;
        isRemoved[i] = 1;
        this.#all[n++] = i;
      }
    }
    this.#places = this.#all.subarray(0, n);
    this.#factor();
  }

  #factor(): void {
    const stride = this.stride;
    const places = this.#places;
    const isRemoved = this.#isRemoved;
    // What a pixel takes off the pivots of its later neighbours, by the weight between the two.
    const given = this.#step.fill(0);
    for (let u = 0; u < places.length; u++) {
      const i = places[u]!;
      const taken =
        BESIDE * (given[i - 1]! + given[i - stride]!) + ACROSS * (given[i - stride - 1]! + given[i - stride + 1]!);
      const later =
        BESIDE * (isRemoved[i + 1]! + isRemoved[i + stride]!) +
        ACROSS * (isRemoved[i + stride - 1]! + isRemoved[i + stride + 1]!);
      const diagonal = this.#weightsAround(i);
      const pivot = diagonal - MODIFIED * taken;
      this.#diagonal[u] = diagonal;
      this.#pivots[u] = pivot;
      this.#inverse[u] = 1 / pivot;
      given[i] = later / pivot;
    }
  }

  /** What the neighbours of a pixel weigh that lie in the grid. */
  #weightsAround(place: number): number {
    const y = Math.floor(place / this.stride);
    const x = place - y * this.stride;
    const rows = (y > 1 ? 1 : 0) + (y < this.height ? 1 : 0);
    const columns = (x > 1 ? 1 : 0) + (x < this.width ? 1 : 0);
    return BESIDE * (rows + columns) + ACROSS * rows * columns;
  }

  /**
   * Fills the removed pixels of `x`, which has the kept ones and a first guess of the removed ones, and 0 in its ring.
   * @throws Error where the equations are not solved within very many iterations
   */
  fill(x: Float64Array): void {
    const places = this.#places;
    const step = this.#step.fill(0);
    const limit = (TOLERANCE * this.#begin(x)) ** 2;
    let energy = Number.POSITIVE_INFINITY;
    let length = 0;
    let keep = 0;
    for (let iteration = 0; energy > limit; iteration++) {
      if (iteration === MOST_ITERATIONS) {
        throw new Error(`the equations of a fill are solved to ${Math.sqrt(energy)}, not to ${Math.sqrt(limit)}`);
      }
      energy = this.#backwards(x, length, keep);
      if (energy === 0) return;
      this.#forwards();
      const [along, across, square] = this.#products as unknown as [number, number, number];
      length = energy / along;
      // What the energy will be after the step is known beforehand; it is summed anew then, or rounding would add up.
      const next = energy - 2 * length * across + length * length * square;
      keep = next / energy;
      energy = next;
    }
    for (let u = 0; u < places.length; u++) x[places[u]!]! += length * step[places[u]!]!;
  }

  /** What the first guess leaves of the equations, after one substitution. @returns the largest value in the hole */
  #begin(x: Float64Array): number {
    const stride = this.stride;
    const places = this.#places;
    const forward = this.#forward.fill(0);
    this.#direction.fill(0);
    this.#change.fill(0);
    let largest = 0;
    for (let u = 0; u < places.length; u++) {
      const i = places[u]!;
      const mean =
        BESIDE * (x[i - 1]! + x[i + 1]! + x[i - stride]! + x[i + stride]!) +
        ACROSS * (x[i - stride - 1]! + x[i - stride + 1]! + x[i + stride - 1]! + x[i + stride + 1]!);
      const left =
        mean -
        this.#diagonal[u]! * x[i]! +
        BESIDE * (forward[i - 1]! + forward[i - stride]!) +
        ACROSS * (forward[i - stride - 1]! + forward[i - stride + 1]!);
      this.#residual[u] = left;
      forward[i] = left * this.#inverse[u]!;
      largest = Math.max(largest, Math.abs(x[i]!), Math.abs(mean));
    }
    return largest;
  }

  /** Takes the last step, and finds the next direction by substitution from the last pixel on. @returns the energy */
  #backwards(x: Float64Array, length: number, keep: number): number {
    const stride = this.stride;
    const places = this.#places;
    const inverse = this.#inverse;
    const [residual, direction, change, step] = [this.#residual, this.#direction, this.#change, this.#step];
    let energy = 0;
    for (let u = places.length - 1; u >= 0; u--) {
      const i = places[u]!;
      const inverted = inverse[u]!;
      const rest = residual[u]! - length * change[u]!;
      const towards = rest + keep * direction[u]!;
      energy += rest * rest * inverted;
      x[i]! += length * step[i]!;
      residual[u] = rest;
      direction[u] = towards;
      step[i] =
        inverted *
        (towards +
          BESIDE * (step[i + 1]! + step[i + stride]!) +
          ACROSS * (step[i + stride - 1]! + step[i + stride + 1]!));
    }
    return energy;
  }

  /** Finds what the step changes, by substitution from the first pixel on. */
  #forwards(): void {
    const stride = this.stride;
    const places = this.#places;
    const [diagonal, pivots, inverse] = [this.#diagonal, this.#pivots, this.#inverse];
    const [residual, direction, change] = [this.#residual, this.#direction, this.#change];
    const [step, forward] = [this.#step, this.#forward];
    let along = 0;
    let across = 0;
    let square = 0;
    for (let u = 0; u < places.length; u++) {
      const i = places[u]!;
      const inverted = inverse[u]!;
      const stepped = pivots[u]! * step[i]!;
      const substituted =
        direction[u]! +
        diagonal[u]! * step[i]! -
        2 * stepped +
        BESIDE * (forward[i - 1]! + forward[i - stride]!) +
        ACROSS * (forward[i - stride - 1]! + forward[i - stride + 1]!);
      forward[i] = substituted * inverted;
      const changed = substituted + stepped;
      const scaled = changed * inverted;
      change[u] = changed;
      along += direction[u]! * scaled;
      across += residual[u]! * scaled;
      square += changed * scaled;
    }
    this.#products[0] = along;
    this.#products[1] = across;
    this.#products[2] = square;
  }
}

function values(count: number): Float64Array {
  return new Float64Array(count);
}
