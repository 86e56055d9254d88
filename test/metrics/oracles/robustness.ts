import { analyticModel, linearModel } from '../../../src/conformance/index.ts';
import type { Collected, Json } from '../../../src/core/contracts/index.ts';
import { createRng } from '../../../src/core/rng.ts';
import { type Tensor, tensor } from '../../../src/core/tensor.ts';
import { additiveScene, type Scene } from '../scene.ts';
import { explaining, negated, type Oracle, type Oracles, ofMap, square, under } from './oracle.ts';

const SIDE = 16;
const N = SIDE * SIDE;
const weights = Array.from({ length: N }, (_, i) => Math.sin(i) + 0.4);
const view = square(SIDE, (y, x) => 0.5 + 0.3 * Math.cos((y * SIDE + x) / 3));
const plain = additiveScene(SIDE, SIDE, weights);
const image = tensor([SIDE, SIDE, 1], view.data);
const scene: Scene = { ...plain, image, view };
const slopes = square(SIDE, (y, x) => weights[y * SIDE + x]!);
const asMap = ({ data }: Tensor): Tensor => ({ shape: [SIDE, SIDE], data });
/** The map is the image, so that it changes as the image does. */
const itself: Scene = { ...scene, attribution: asMap(image) };
const follows = explaining(r => asMap(r.image));
/** A map that is three times itself wherever the image is another. */
const wild = explaining(() => ({ shape: [SIDE, SIDE], data: image.data.map(v => 3 * v) }));
const turned = explaining(() => negated(slopes));
const still = (t: Tensor) => explaining(() => t);
const saliency: Scene = { ...scene, attribution: slopes };
const identity: Scene = {
  ...itself,
  model: analyticModel({
    id: 'identity layer',
    spatial: [SIDE, SIDE],
    channels: 1,
    classes: ['a', 'b'],
    logits: x =>
      Float64Array.of(
        weights.reduce((sum, w, i) => sum + w * x[i]!, 0),
        0,
      ),
    layer: {
      name: 'image',
      shape: [SIDE, SIDE, 1],
      activations: x => x.slice(),
      gradient: () => Float32Array.from(weights),
    },
  }),
};

const box = square(SIDE, (y, x) => (y > 5 && y < 9 && x > 5 && x < 10 ? 1 : 0.1));
const shiftable: Scene = {
  ...scene,
  model: linearModel({ height: SIDE, width: SIDE, weights: [new Array(N).fill(1), new Array(N).fill(0)] }),
  image: tensor([SIDE, SIDE, 1], box.data),
  view: box,
  attribution: box,
  spacing: [2, 2],
};

/** A group of patients, of whom one item each is collected. */
const group = (because: string, right: readonly Json[], wrong: readonly Json[]): Oracle => {
  const combined =
    (items: readonly Json[]): Oracle['right'] =>
    async metric =>
      metric.combine!(
        items.map((item, i): Collected => ({ item, patient: `${i}`, sample: `${i}`, class: 0 })),
        metric.options.parse({}),
      );
  return { because, value: 1, right: combined(right), wrong: combined(wrong) };
};
const [up, down] = [
  [1, 2, 3, 4],
  [4, 3, 2, 1],
];

const files = ['a.onnx', 'b.onnx'].map(file => ({ kind: 'file' as const, file }));
const trained = (map: Tensor) => ({
  variantMaps: under(files, () => map).variantMaps.map(v => ({ ...v, predicted: 0 })),
});
const version = { image: { ...image, data: image.data.map(v => 0.9 * v) }, view };
const acquired = { sampleVariants: ['dose: 0.5'], sampleVariant: async () => version };

export const robustness: Oracles = {
  'max-sensitivity': ofMap({
    because: 'the slopes of a linear model are the same everywhere',
    value: 0,
    right: saliency,
    wrong: saliency,
    more: still(slopes),
    wrongMore: turned,
  }),
  'avg-sensitivity': ofMap({
    because: 'the slopes of a linear model are the same everywhere',
    value: 0,
    right: saliency,
    wrong: saliency,
    more: still(slopes),
    wrongMore: turned,
  }),
  'local-lipschitz': ofMap({
    because: 'a map that is the image changes by as much as the image',
    value: 1,
    right: itself,
    wrong: itself,
    more: follows,
    wrongMore: wild,
  }),
  'relative-input-stability': ofMap({
    because: 'a map that is the image changes by as much as the image, both as shares',
    value: 1,
    right: itself,
    wrong: itself,
    more: follows,
    wrongMore: wild,
  }),
  'relative-output-stability': ofMap({
    because: 'a map that never changes',
    value: 0,
    right: saliency,
    wrong: itself,
    more: still(slopes),
    wrongMore: follows,
  }),
  'relative-representation-stability': ofMap({
    because: 'the layer is the image, and so is the map',
    value: 1,
    right: identity,
    wrong: identity,
    more: follows,
    wrongMore: wild,
  }),
  'translation-equivariance': ofMap({
    because: 'a map that is the image moves with it',
    value: 0,
    options: { reach: 6 },
    right: shiftable,
    wrong: shiftable,
    more: follows,
    wrongMore: still(box),
  }),
  coherence: ofMap({
    because: 'the seen part has the same map, or the reversed one',
    value: 1,
    right: saliency,
    wrong: saliency,
    more: still(slopes),
    wrongMore: turned,
  }),
  consistency: group(
    'the place of the map tells the class, or the other class',
    [0, 1, 0, 1].map(c => ({ cells: `${c}`, predicted: c })),
    [0, 1, 0, 1].map((c, i) => ({ cells: `${Math.floor(i / 2)}`, predicted: c })),
  ),
  sufficiency: group(
    'maps that look alike are of one class, or of two',
    [up, up, down, down].map((cells, i) => ({ cells: cells!, predicted: Math.floor(i / 2) })),
    [up, up, down, down].map((cells, i) => ({ cells: cells!, predicted: i % 2 })),
  ),
  repeatability: ofMap({
    because: 'an explainer that draws nothing',
    value: 1,
    right: saliency,
    wrong: saliency,
    more: still(slopes),
    wrongMore: explaining(({ replicate }) => {
      const rng = createRng(`replicate ${replicate}`);
      return square(SIDE, () => rng.normal());
    }),
  }),
  reproducibility: ofMap({
    because: 'all trainings have the same map; of three maps with one reversed pair of trainings ranks disagree',
    value: 1,
    options: { weights: files.map(f => f.file) },
    right: saliency,
    wrong: saliency,
    more: trained(slopes),
    wrongMore: trained(negated(slopes)),
  }),
  'acquisition-stability': ofMap({
    because: 'ranks of input × gradient are the same under another brightness',
    value: 1,
    right: itself,
    wrong: itself,
    more: { ...acquired, ...follows },
    wrongMore: { ...acquired, ...explaining(r => negated(asMap(r.image))) },
  }),
};
