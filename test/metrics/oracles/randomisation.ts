import { linearModel } from '../../../src/conformance/index.ts';
import type { Metric, MetricContext, ModelVariant } from '../../../src/core/contracts/index.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { additiveScene, evaluate, type Scene } from '../scene.ts';
import { explaining, type Oracle, type Oracles, ofMap, square, under } from './oracle.ts';

const SIDE = 24;
/** Stripes of one pixel, and the stripes between them. */
const [stripes, gaps] = [0, 1].map(k => square(SIDE, (_, x) => ((x + k) % 2 === 0 ? 1 : 0))) as [Tensor, Tensor];
const scene: Scene = {
  ...additiveScene(SIDE, SIDE, new Array<number>(SIDE * SIDE).fill(0)),
  attribution: stripes,
  view: stripes,
  image: tensor([SIDE, SIDE, 1], stripes.data),
};
/**
 * Structural similarity of both, in windows of 7 × 7: means 3/7 and 4/7, variances 12/49 each, covariance −12/49 (times
 * 49/48), with the constants 0.01² and 0.03².
 */
const variance = (12 / 49) * (49 / 48);
const APART = ((24 / 49 + 1e-4) * (9e-4 - 2 * variance)) / ((25 / 49 + 1e-4) * (9e-4 + 2 * variance));
const because =
  'stripes against the stripes between them, whose structural similarity is known; against themselves it is 1';

const ofVariants = (right: Tensor, wrong: Tensor, known: Pick<Oracle, 'because' | 'value'>, own: Scene): Oracle => {
  const of = (map: Tensor) => (metric: Metric) =>
    evaluate(
      metric,
      own,
      {},
      under(metric.variantsOf(metric.options.parse({})), () => map),
    );
  return { ...known, within: 2e-3, right: of(right), wrong: of(wrong) };
};

/** A map whose histogram has n bins in use, all alike. */
const bins = (n: number) => square(SIDE, (y, x) => ((y * SIDE + x) % n) / (n - 1));
const shuffled = [{ kind: 'file' as const, file: 'shuffled.onnx' }];
const byVariant = (redrawn: Tensor): Partial<MetricContext<unknown>> =>
  explaining(({ variant }: { variant?: ModelVariant }) => (variant ? redrawn : stripes));
const three = linearModel({ height: SIDE, width: SIDE, classes: 3 });

export const randomisation: Oracles = {
  mprt: ofVariants(gaps, stripes, { because, value: APART }, scene),
  'efficient-mprt': ofVariants(
    bins(64),
    bins(8),
    { because: 'from 8 equal bins to 64: (ln 64 − ln 8) / ln 8', value: 1 },
    { ...scene, attribution: bins(8) },
  ),
  'smooth-mprt': ofMap({
    ...{ because, value: APART, within: 2e-3, right: scene, wrong: scene },
    more: byVariant(gaps),
    wrongMore: byVariant(stripes),
  }),
  'random-logit': ofMap({
    ...{ because, value: APART, within: 2e-3 },
    right: { ...scene, model: three },
    wrong: { ...scene, model: three },
    more: explaining(() => gaps),
    wrongMore: explaining(() => stripes),
  }),
  'label-randomisation': ofMap({
    ...{ because, value: APART, within: 2e-3, right: scene, wrong: scene },
    options: { weights: shuffled.map(s => s.file) },
    more: under(shuffled, () => gaps),
    wrongMore: under(shuffled, () => stripes),
  }),
};
