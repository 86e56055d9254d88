import type { Metric } from '../../../src/core/contracts/index.ts';
import type { Tensor } from '../../../src/core/tensor.ts';
import { additiveScene, evaluate, map, type Scene } from '../scene.ts';
import { explaining, type Oracle, type Oracles, ofMap, square, under } from './oracle.ts';

const SIDE = 8;
/** Only the left half matters. */
const shares = Array.from({ length: SIDE * SIDE }, (_, i) => (i % SIDE < SIDE / 2 ? 1 + (i % 3) : 0));
const scene = additiveScene(SIDE, SIDE, shares);
const withMap = (values: readonly number[]): Scene => ({ ...scene, attribution: map(SIDE, SIDE, values) });
const scaled = (by: number): Tensor =>
  map(
    SIDE,
    SIDE,
    shares.map(v => by * v),
  );

const ofVariants = (known: Pick<Oracle, 'because' | 'value'>, right: Tensor, wrong: Tensor): Oracle => {
  const of = (t: Tensor) => (metric: Metric) =>
    evaluate(
      metric,
      scene,
      { halves: ['left'] },
      under(metric.variantsOf(metric.options.parse({ halves: ['left'] })), () => t),
    );
  return { ...known, right: of(right), wrong: of(wrong) };
};
const graphs = (t: Tensor) => (metric: Metric) =>
  evaluate(
    metric,
    scene,
    {},
    under(metric.variantsOf(metric.options.parse({})), () => t),
  );

export const axiomatic: Oracles = {
  completeness: ofMap({
    because: 'the shares of a linear model sum to the difference of the scores',
    value: 0,
    right: scene,
    wrong: withMap(shares.map(v => 0.75 * v)),
  }),
  'non-sensitivity': ofMap({
    because: 'patches that the map calls irrelevant are those that move nothing',
    value: 0,
    options: { patchPixels: 2 },
    right: scene,
    wrong: withMap(shares.map(v => (v > 0 ? 0 : 1))),
  }),
  'implementation-invariance': {
    because: 'the map of another graph is the same; a quarter more is a quarter away',
    value: 0,
    right: graphs(scaled(1)),
    wrong: graphs(scaled(1.25)),
  },
  'input-invariance': ofMap({
    because: 'the map of the moved image is the same; a quarter more is a quarter away',
    value: 0,
    right: scene,
    wrong: scene,
    more: { windowRange: [1], ...explaining(() => scaled(1)) },
    wrongMore: { windowRange: [1], ...explaining(() => scaled(1.25)) },
  }),
  dummy: ofVariants(
    { because: 'all of the map lies on the half that is seen, or half of it', value: 0 },
    square(SIDE, (_, x) => (x < SIDE / 2 ? 0 : 1)),
    square(SIDE, (y, x) => ((x + y) % 2 === 0 ? 1 : -1)),
  ),
};
