import type { Effects } from '../../../src/core/contracts/index.ts';
import { additiveScene, type Scene } from '../scene.ts';
import { type Oracles, ofMap, square } from './oracle.ts';

const SIDE = 20;
const box = (top: number, left: number, size: number) =>
  square(SIDE, (y, x) => (y >= top && y < top + size && x >= left && x < left + size ? 1 : 0));
const [cause, lesser, idle] = [box(1, 1, 6), box(1, 12, 6), box(12, 1, 6)];
const factor = (name: string, region: typeof cause, effect: number, role: string) => ({
  ...{ name, region, effect, role },
  change: 100,
});
const effects: Effects = {
  factors: [
    factor('cause', cause, 3, 'lesion'),
    factor('lesser', lesser, 1, 'lesion'),
    factor('idle', idle, 0, 'distractor'),
  ],
  threshold: 0.1,
  ...{ interaction: 0, interactionIndex: 0, background: 0, covered: 1 },
};
const plain = additiveScene(SIDE, SIDE, new Array<number>(SIDE * SIDE).fill(0));
const of = (a: number, b: number, c: number): Scene => ({
  ...plain,
  attribution: {
    shape: [SIDE, SIDE],
    data: cause.data.map((v, i) => a * v + b * lesser.data[i]! + c * idle.data[i]!),
  },
});
const known = { right: of(3, 1, 0), wrong: of(0, 1, 3), more: { effects } };

export const truth: Oracles = {
  'causal-contrast': ofMap({ because: 'both causes have more than what is idle', value: 1, ...known }),
  'causal-rank': ofMap({ because: 'sums are in the order of the effects', value: 1, ...known }),
  'causal-mass': ofMap({ because: 'sums are in proportion to the effects', value: 1, within: 1e-5, ...known }),
};

const WIDE = 64;
const N = WIDE * WIDE;
const described = (value: (y: number, x: number) => number): Scene => ({
  ...additiveScene(WIDE, WIDE, new Array<number>(N).fill(0)),
  attribution: square(WIDE, value),
  spacing: [1, 1],
});
const onePixel = described((y, x) => (y === 7 && x === 9 ? -3 : 0));
const even = described((y, x) => ((y + x) % 2 === 0 ? 2 : -2));
const half = described(y => (y < WIDE / 2 ? 1 : 0));
const filled = (size: number) => (y: number, x: number) => (y >= 4 && y < 4 + size && x >= 4 && x < 4 + size ? 1 : 0);

export const complexity: Oracles = {
  sparseness: ofMap({ because: 'one pixel of n has it all: 1 − 1/n', value: 1 - 1 / N, right: onePixel, wrong: even }),
  entropy: ofMap({ because: 'one pixel has it all', value: 0, right: onePixel, wrong: even }),
  'effective-complexity': ofMap({ because: 'one pixel of n', value: 1 / N, right: onePixel, wrong: even }),
  'mean-level': ofMap({ because: 'one pixel of n', value: 1 / N, right: onePixel, wrong: half }),
  spread: ofMap({
    because: 'all lies in one place; halves of 32 rows have √((32² − 1 + 64² − 1) / 12)',
    value: 0,
    right: onePixel,
    wrong: half,
  }),
  compactness: ofMap({
    because: 'a filled square of side s has d s² / (s² − 1) / (s − 1), d the diagonal of the grid',
    value: (Math.hypot(WIDE, WIDE) * 144) / 143 / 11,
    right: described(filled(12)),
    wrong: described((y, x) => filled(6)(y, x) + filled(6)(y - 40, x - 40)),
  }),
};
