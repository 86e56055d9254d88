import type { Collected } from '../../../src/core/contracts/index.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { additiveScene, collect, map, type Scene } from '../scene.ts';
import { negated, type Oracle, type Oracles, ofMap, square } from './oracle.ts';

const SIDE = 20;
const inside = (y: number, x: number) => y >= 4 && y < 8 && x >= 5 && x < 10;
const mask = square(SIDE, (y, x) => (inside(y, x) ? 1 : 0));
/** The mask as a map, a little less than nothing elsewhere; the peak is in its middle. */
const right: Scene = {
  ...additiveScene(SIDE, SIDE, new Array<number>(SIDE * SIDE).fill(0)),
  attribution: square(SIDE, (y, x) => (inside(y, x) ? 2 - 0.01 * Math.hypot(y - 6, x - 7) : -1)),
  mask,
  spacing: [1, 1],
};
const wrong: Scene = { ...right, attribution: negated(right.attribution) };
const both = { right, wrong };
const fills = 'the map is the mask';

/** A group of two patients with one map each. */
const tuned: Oracle = (() => {
  const combined =
    (scene: Scene): Oracle['right'] =>
    async metric => {
      const item = (await collect(metric, scene)) as Collected['item'];
      return metric.combine!(
        ['a', 'b'].map(patient => ({ item, patient, sample: patient, class: 0 })),
        metric.options.parse({}),
      );
    };
  return { because: fills, value: 1, right: combined(right), wrong: combined(wrong) };
})();

/** The margin of the class is the sum of the image: images of ones are of it, of minus ones are not. */
const ones = new Array<number>(64).fill(1);
const full = (v: number) => tensor([8, 8, 1], new Float32Array(64).fill(v));
const mosaic = additiveScene(
  8,
  8,
  ones,
  ones.map((_, i) => i),
);
const sees = (sign: number) => ({
  trainingImages: async (count: number) => [full(-1), full(0.5), full(-2), full(2)].slice(0, count),
  explain: async ({ image }: { image: { data: Float32Array } }) => ({
    map: map(
      8,
      8,
      [...image.data].map(v => sign * v),
    ),
  }),
});

export const localisation: Oracles = {
  'pointing-game': ofMap({ because: 'the peak is in the mask', value: 1, ...both }),
  'relevance-mass': ofMap({ because: 'all of the positive relevance is in the mask', value: 1, ...both }),
  'rank-accuracy': ofMap({ because: fills, value: 1, ...both }),
  auc: ofMap({ because: 'every pixel of the mask is above every other', value: 1, ...both }),
  auprc: ofMap({ because: 'every pixel of the mask is above every other', value: 1, ...both }),
  'iou-otsu': ofMap({ because: fills, value: 1, ...both }),
  'iou-tuned': tuned,
  'dual-polarity-precision': ofMap({ because: 'positive inside and negative outside', value: 1, ...both }),
  'peak-distance': ofMap({ because: 'the peak is in the mask', value: 0, ...both }),
  'lesion-hit': ofMap({
    because: 'the only peak lies on the only lesion',
    value: 1,
    options: { radius: 3, falsePeaks: 0 },
    right,
    wrong: { ...right, attribution: square(SIDE, (y, x) => (y === 17 && x === 17 ? 1 : 0)) },
  }),
  focus: ofMap({
    because: 'the explainer shows images of the class and no others',
    value: 1,
    right: mosaic,
    wrong: mosaic,
    more: sees(1),
    wrongMore: sees(-1),
  }),
};
