import type { Rng } from '../rng.ts';

/** Coalitions of n players, each neither empty nor complete, with the weights of a Shapley regression. */
export interface Coalitions {
  /** Row-major [rows, players] of 0 and 1. */
  readonly design: Uint8Array;
  readonly weights: Float64Array;
  /**
   * For each row, the draw that it came from: a coalition and its complement are one draw. −1: the row was not drawn,
   * all coalitions of its size are there.
   */
  readonly draw: Int32Array;
  /** How often each draw was made. */
  readonly times: readonly number[];
  /** Every coalition is there. */
  readonly complete: boolean;
}

/** Coalitions in the order in which they were drawn. */
export interface DrawnCoalitions extends Coalitions {
  /** The first of them, weighted as if no more had been drawn. */
  first(rows: number): Coalitions;
}

/**
 * At most `budget` coalitions by the Shapley kernel (n − 1) / (C(n, k) k (n − k)), as the package shap chooses them: all
 * coalitions of the smallest and the largest sizes as long as the budget allows, then pairs of a coalition and its
 * complement at random, which share the weight that is left (Lundberg and Lee 2017; Covert and Lee 2021 on pairs).
 * @param players At least 2.
 */
export function pairedCoalitions(players: number, budget: number, rng: Rng): DrawnCoalitions {
  const n = players;
  const sizes = Math.ceil((n - 1) / 2);
  const isPaired = (k: number) => 2 * k < n;
  const kernel = normalised(
    Array.from({ length: sizes }, (_, i) => ((n - 1) / ((i + 1) * (n - i - 1))) * (isPaired(i + 1) ? 2 : 1)),
  );
  const rows = collector(n);
  let [left, leftWeight, size] = [Math.min(budget, n > 30 ? Infinity : 2 ** n - 2), 1, 1];
  for (; size <= sizes; size++) {
    const weight = kernel[size - 1]!;
    const count = binomial(n, size) * (isPaired(size) ? 2 : 1);
    if ((left * weight) / leftWeight < count * (1 - 1e-8)) break;
    for (const members of combinations(n, size)) {
      rows.put(members, weight / count, -1);
      if (isPaired(size)) rows.put(complement(n, members), weight / count, -1);
    }
    left -= count;
    leftWeight -= weight;
  }
  const complete = size > sizes;
  if (!complete) drawPairs({ rows, rng, n, kernel, from: size, left, isPaired });
  return rows.finish(complete ? 0 : kernel.slice(size - 1).reduce((a, b) => a + b, 0), complete);
}

/** `count` coalitions by the Shapley kernel, drawn independently and equally weighted, as Captum does. */
export function independentCoalitions(players: number, count: number, rng: Rng): DrawnCoalitions {
  const kernel = normalised(Array.from({ length: players - 1 }, (_, i) => 1 / ((i + 1) * (players - i - 1))));
  const rows = collector(players);
  for (let i = 0; i < count; i++) {
    const members = randomMembers(players, 1 + indexOf(kernel, rng.next()), rng);
    rows.put(members, 1, rows.drawOf([members]));
  }
  return rows.finish(count, false);
}

interface PairDraws {
  readonly rows: ReturnType<typeof collector>;
  readonly rng: Rng;
  readonly n: number;
  readonly kernel: readonly number[];
  /** The smallest size that is drawn. */
  readonly from: number;
  readonly left: number;
  isPaired(size: number): boolean;
}

function drawPairs({ rows, rng, n, kernel, from, left, isPaired }: PairDraws): void {
  const shares = normalised(kernel.slice(from - 1).map((w, i) => w / (isPaired(from + i) ? 2 : 1)));
  let open = left;
  for (let tries = 0; open > 0 && tries < 4 * left; tries++) {
    const size = from + indexOf(shares, rng.next());
    const members = randomMembers(n, size, rng);
    const draw = rows.drawOf([members, complement(n, members)]);
    if (rows.put(members, 1, draw)) open--;
    if (isPaired(size) && open > 0 && rows.put(complement(n, members), 1, draw)) open--;
  }
}

/** Gathers rows; a coalition that is there already gains weight instead. */
function collector(n: number) {
  const index = new Map<string, number>();
  const all: { readonly members: readonly number[]; readonly draw: number }[] = [];
  const draws = new Map<string, number>();
  let count = 0;
  /** All that was drawn and put, one after the other. */
  const log: ({ readonly drawn: number } | { readonly row: number; readonly weight: number })[] = [];
  return {
    /** The number of a draw of these coalitions, which counts as made once more. */
    drawOf(coalitions: readonly (readonly number[])[]): number {
      const keys = coalitions.map(members => members.join());
      const draw = keys.map(key => draws.get(key)).find(known => known !== undefined) ?? count++;
      draws.set(keys[0]!, draw);
      log.push({ drawn: draw });
      return draw;
    },
    /** Whether the coalition is a new one. */
    put(members: readonly number[], weight: number, draw: number): boolean {
      const key = `${draw < 0}${members.join()}`;
      const known = index.get(key);
      log.push({ row: known ?? all.length, weight });
      if (known !== undefined) return false;
      index.set(key, all.length);
      all.push({ members, draw });
      return true;
    },
    /** Drawn rows are scaled to share `drawnWeight`. */
    finish(drawnWeight: number, complete: boolean): DrawnCoalitions {
      const first = (count: number): Coalitions => {
        const rows = all.slice(0, count);
        const design = new Uint8Array(rows.length * n);
        rows.forEach(({ members }, i) => {
          for (const m of members) design[i * n + m] = 1;
        });
        const sums = new Float64Array(rows.length);
        const times: number[] = [];
        for (const entry of log) {
          if ('drawn' in entry) times[entry.drawn] = (times[entry.drawn] ?? 0) + 1;
          else if (entry.row < rows.length) sums[entry.row]! += entry.weight;
          else break;
        }
        const drawn = sums.reduce((sum, weight, i) => sum + (rows[i]!.draw < 0 ? 0 : weight), 0);
        const weights = sums.map((weight, i) => (rows[i]!.draw < 0 ? weight : (weight * drawnWeight) / drawn));
        const draw = Int32Array.from(rows, row => row.draw);
        return { design, weights, draw, times, complete: complete && rows.length === all.length };
      };
      return { ...first(all.length), first };
    },
  };
}

const normalised = (values: readonly number[]): number[] => {
  const sum = values.reduce((a, b) => a + b, 0);
  return values.map(v => v / sum);
};

/** The index that a uniform number falls on. */
function indexOf(shares: readonly number[], uniform: number): number {
  let sum = 0;
  const found = shares.findIndex(share => {
    sum += share;
    return uniform < sum;
  });
  return found < 0 ? shares.length - 1 : found;
}

function randomMembers(n: number, size: number, rng: Rng): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < size; i++) {
    const j = i + rng.int(n - i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order.slice(0, size).sort((a, b) => a - b);
}

function complement(n: number, members: readonly number[]): number[] {
  const inside = new Set(members);
  return Array.from({ length: n }, (_, i) => i).filter(i => !inside.has(i));
}

function binomial(n: number, k: number): number {
  let value = 1;
  for (let i = 1; i <= k; i++) value = (value * (n - k + i)) / i;
  return value;
}

/** All subsets of k of 0 … n − 1, each ascending. */
function* combinations(n: number, k: number): Generator<readonly number[]> {
  const members = Array.from({ length: k }, (_, i) => i);
  for (;;) {
    yield members.slice();
    let at = k - 1;
    while (at >= 0 && members[at] === n - k + at) at--;
    if (at < 0) return;
    members[at]!++;
    for (let i = at + 1; i < k; i++) members[i] = members[i - 1]! + 1;
  }
}
