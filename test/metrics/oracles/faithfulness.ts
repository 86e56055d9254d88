import { linearModel } from '../../../src/conformance/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { additiveScene, map, type Scene } from '../scene.ts';
import { negated, type Oracles, ofMap, square } from './oracle.ts';

const sigmoid = (z: number): number => 1 / (1 + Math.exp(-z));
const invert = (scene: Scene): Scene => ({ ...scene, attribution: negated(scene.attribution) });
const pair = (right: Scene) => ({ right, wrong: invert(right) });

/** The margin is the number of the first four pixels of sixteen that are there. */
const four = pair(
  additiveScene(
    4,
    4,
    Array.from({ length: 16 }, (_, i) => (i < 4 ? 1 : 0)),
  ),
);
const margin = { score: 'margin', steps: 16 };
/** Sixteen pixels of different worth, which add up. */
const additive = pair(
  additiveScene(
    4,
    4,
    Array.from({ length: 16 }, (_, i) => Math.sin(i + 1)),
  ),
);
/** The same, all for the class, none nearly like another. */
const rising = pair(
  additiveScene(
    4,
    4,
    Array.from({ length: 16 }, (_, i) => (i + 1) / 10),
  ),
);
const powers = Array.from({ length: 9 }, (_, i) => 2 ** i / 100);
const single = { patchPixels: 1 };
/** Four regions of 2 × 2 with the sums 4, 3, −2 and 1. */
const regions = [4, 3, -2, 1];
const regional = pair(
  additiveScene(
    4,
    4,
    Array.from({ length: 16 }, (_, i) => regions[2 * Math.floor(i / 8) + Math.floor((i % 4) / 2)]! / 4),
  ),
);

const SIDE = 12;
const N = SIDE * SIDE;
const inLeft = square(SIDE, (_, x) => (x < SIDE / 2 ? 1 : 0));
const halves = square(SIDE, (_, x) => (x < SIDE / 2 ? 0.2 : 0.8));
const asImage = (t: { data: Float32Array }) => tensor([SIDE, SIDE, 1], t.data);
const irofScene: Scene = {
  ...additiveScene(
    SIDE,
    SIDE,
    [...inLeft.data].map(v => v / 10),
  ),
  image: asImage(halves),
  view: halves,
  attribution: inLeft,
};
/** What is left of the probability where the left half, worth 72 × 0.2 × 0.1, is gone. */
const left = 0.5 / sigmoid(1.44);

/** Nine bright pixels in the middle of an even field decide; a tenth of the image is more than nine. */
const spot = square(SIDE, (y, x) => (Math.abs(y - 5) < 2 && Math.abs(x - 5) < 2 ? 1 : 0));
const field = { shape: spot.shape, data: spot.data.map(v => (v > 0 ? 1 : 0.1)) };
const roadScene: Scene = {
  ...additiveScene(SIDE, SIDE, [...spot.data]),
  model: linearModel({ height: SIDE, width: SIDE, weights: [[...spot.data], new Array(N).fill(0)], bias: [-5, 0] }),
  image: asImage(field),
  view: field,
  attribution: spot,
};

/** In an even texture one pixel takes the score from −6 to 6. */
const rng = createRng('texture');
const texture = square(SIDE, () => rng.next());
texture.data[77] = 1;
const one = square(SIDE, (y, x) => (y * SIDE + x === 77 ? 1 : 0));
const picScene: Scene = {
  ...additiveScene(SIDE, SIDE, [...one.data]),
  model: linearModel({
    height: SIDE,
    width: SIDE,
    weights: [[...one.data].map(v => 24 * v), new Array(N).fill(0)],
    bias: [-18, 0],
  }),
  image: asImage(texture),
  baseline: asImage({ data: new Float32Array(N).fill(0.5) }),
  view: texture,
  attribution: one,
};

const seen = (attribution: readonly number[]) => additiveScene(2, 2, [2, 1, -1, 0.5], attribution);
/** Seen through (1, ½, 0, ½), and through the third pixel alone, which speaks against the class. */
const faded = { right: seen([3, 1, -1, 1]), wrong: seen([0, 0, 1, 0]) };
const whole = sigmoid(2.5);

const weights = [7, 2, 1, 0];
const sufficient: Scene = {
  ...additiveScene(2, 2, weights),
  model: linearModel({ height: 2, width: 2, weights: [weights, [0, 0, 0, 0]], bias: [-5, 0] }),
};

const masked = additiveScene(
  8,
  8,
  Array.from({ length: 64 }, (_, i) => (i < 32 ? 0.01 : 0)),
);

export const faithfulness: Oracles = {
  deletion: ofMap({
    because: 'the margin falls in a line from 4 to 0 over a quarter of the pixels: ½ · 4 · ¼',
    value: 0.5,
    options: margin,
    ...four,
  }),
  insertion: ofMap({
    because: 'the margin rises in a line from 0 to 4 over a quarter of the pixels, and stays: ½ · 4 · ¼ + 4 · ¾',
    value: 3.5,
    options: margin,
    ...four,
  }),
  srg: ofMap({ because: 'least first has 3.5, most first 0.5', value: 3, options: margin, ...four }),
  aopc: ofMap({
    because: 'falls of 0, 4, 7 and 8, of which the mean is taken, that of no region included',
    value: 19 / 4,
    options: { fill: 'baseline', side: 2, regions: 3 },
    ...regional,
  }),
  irof: ofMap({
    because: 'both quarters of the left half take the probability to ½; the first one takes about half of the way',
    value: 1 - ((1 + (1 + left) / 2) / 2 + ((1 + left) / 2 + left) / 2 + 2 * left) / 4,
    within: 0.01,
    options: { segments: 4, fill: 'baseline' },
    ...pair(irofScene),
  }),
  road: ofMap({
    because: 'nine pixels decide: gone at every tenth if they are first, there at every tenth if they are last',
    value: 1,
    options: { noise: 0 },
    ...pair(roadScene),
  }),
  'faithfulness-correlation': ofMap({ because: 'an additive game', value: 1, options: single, ...additive }),
  'faithfulness-estimate': ofMap({ because: 'an additive game', value: 1, options: single, ...additive }),
  'sensitivity-n': ofMap({ because: 'an additive game at every size', value: 1, options: single, ...additive }),
  infidelity: ofMap({
    because: 'in an additive game the map explains every change; an inverted one, which no positive scale mends, none',
    value: 0,
    options: single,
    ...additive,
  }),
  monotonicity: ofMap({
    because: 'put in from the least relevant on, each pixel adds more than the one before',
    value: 1,
    options: single,
    ...rising,
  }),
  'monotonicity-correlation': ofMap({
    because: 'mean squared changes of a linear model go with the squares of its weights, which are far apart',
    value: 1,
    options: single,
    right: additiveScene(3, 3, powers),
    wrong: additiveScene(3, 3, powers, [...powers].reverse()),
    more: { windowRange: [1] },
  }),
  'average-drop': ofMap({ because: 'the probability rises, so that none is lost', value: 0, ...faded }),
  'confidence-increase': ofMap({ because: 'the probability rises', value: 1, ...faded }),
  'average-gain': ofMap({
    because: '(σ(2 + ½ + ¼) − σ(2.5)) / (1 − σ(2.5))',
    value: (sigmoid(2.75) - whole) / (1 - whole),
    within: 1e-5,
    ...faded,
  }),
  'pic-sic': ofMap({
    because: 'with the first pixel the probability is what it will be; but for one step the curve is 1',
    value: 1,
    within: 0.03,
    ...pair(picScene),
  }),
  'pic-aic': ofMap({
    because: 'with the first pixel the class is right; but for one step the curve is 1',
    value: 1,
    within: 0.03,
    ...pair(picScene),
  }),
  'sufficient-share': ofMap({
    because: 'σ(2) is less than 0.9 σ(5), σ(4) is more: the two pixels with 7 and 2 of four are needed',
    value: 0.5,
    right: sufficient,
    wrong: { ...sufficient, attribution: map(2, 2, [0, 1, 2, 3]) },
  }),
  'f-fidelity': ofMap({
    because: 'six of the explanation’s pixels, worth 0.01 each, take σ(0.32) to σ(0.26); six of the rest take nothing',
    value: sigmoid(0.32) - sigmoid(0.26),
    options: { weights: 'masked.onnx', patchPixels: 1, shares: [0.5] },
    ...pair(masked),
    more: { onVariant: async (_, work) => work(masked.model) },
  }),
};
