import { afterAll, describe, expect, it } from 'vitest';
import { tensor } from '../../../src/core/tensor.ts';
import {
  type Attr,
  attr,
  constant,
  DType,
  type Graph,
  type GraphBuilder,
} from '../../../src/engines/onnx/graph/graph.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';
import { loadModel } from '../../../src/engines/onnx/load/load-model.ts';
import { outlineOf } from '../../../src/engines/onnx/load/outline.ts';
import { OPSET, upgrade } from '../../../src/engines/onnx/load/upgrade/index.ts';
import { testEngine } from '../../support/test-engine.ts';
import { cardFor, difference, graphOf, images, runRaw, temporary, weights } from './fixtures.ts';

const FEATURES = 64;
const hint = { file: 'm.onnx', size: [8, 8], channels: 1, layout: 'NCHW' } as const;

const folder = temporary();
afterAll(() => folder.remove());

type Attrs = Readonly<Record<string, Attr>>;

const ml = (b: GraphBuilder, op: string, inputs: readonly string[], attrs: Attrs = {}) =>
  b.op(op, inputs, attrs, 'ai.onnx.ml');

const numbers = (label: string, count: number, scale = 0.2) => [
  ...(weights(label, [count], scale).data as Float32Array),
];

const strings = (...value: string[]): Attr => ({ type: 'strings', value });

const features = (label: string) => attr.floats(numbers(label, FEATURES));

const scaler = (b: GraphBuilder, x: string) => ml(b, 'Scaler', [x], { offset: features('o'), scale: features('s') });

const norm = (b: GraphBuilder, x: string, name: string) => ml(b, 'Normalizer', [x], { norm: attr.string(name) });

/** The labels and scores of a LinearClassifier with random weights. */
function classifier(b: GraphBuilder, x: string, rows: number, attrs: Attrs = {}): [labels: string, scores: string] {
  const all = {
    coefficients: attr.floats(numbers('coefficients', rows * FEATURES)),
    intercepts: attr.floats(numbers('intercepts', rows)),
    classlabels_ints: attr.ints(Array.from({ length: Math.max(2, rows) }, (_, i) => i + 5)),
    ...attrs,
  };
  return b.ops('LinearClassifier', [x], 2, all, 'ai.onnx.ml') as [string, string];
}

/** What scikit-learn's regressions of two classes are exported as: z and −z. */
function opposed(post: string): Attrs {
  const both = (values: number[]) => attr.floats([...values.map(v => -v), ...values]);
  return {
    coefficients: both(numbers('coefficients', FEATURES)),
    intercepts: both(numbers('intercepts', 1)),
    post_transform: attr.string(post),
  };
}

/** The three classes of a scaled regression, as scikit-learn's exports have it. */
function regression(b: GraphBuilder, x: string): [labels: string, scores: string] {
  const [labels, scores] = classifier(b, scaler(b, x), 3, { post_transform: attr.string('SOFTMAX') });
  return [labels, norm(b, scores, 'L1')];
}

function ofRows(build: (b: GraphBuilder, x: string) => string, classes: number, opset = 17): Graph {
  return graphOf({ opset, input: [null, FEATURES], build: (b, x) => [build(b, x), [null, classes]] });
}

/** Rows of any values; the third is of negative ones, the last of zeros. */
const rows = images('rows', [6, FEATURES]);
rows.data.subarray(2 * FEATURES, 3 * FEATURES).forEach((v, i, row) => {
  row[i] = -Math.abs(v) - 0.01;
});
rows.data.fill(0, 5 * FEATURES);

/** Loads a graph whose operators are all to be ONNX's own then, with the scores that ONNX Runtime gives to the original. */
async function loadedSame(graph: Graph, classes: number, x = rows): Promise<Graph> {
  const { graph: loaded } = await loadModel(graph, { ...hint, classes });
  expect(loaded.nodes.map(node => node.domain)).toEqual(loaded.nodes.map(() => ''));
  const got = await runRaw(loaded, tensor([x.shape[0]!, 1, 8, 8], x.data));
  expect(difference(got, await runRaw(graph, x))).toBeLessThan(2e-6);
  return loaded;
}

describe('LinearClassifier becomes a product', () => {
  const labels = {
    'two numbers': { classlabels_ints: attr.ints([0, 1]) },
    'two names': { classlabels_ints: attr.ints([]), classlabels_strings: strings('ill', 'well') },
    'no labels': { classlabels_ints: attr.ints([]) },
  };
  const transforms = ['NONE', 'LOGISTIC', 'SOFTMAX'];

  const single = transforms.flatMap(post => Object.entries(labels).map(([what, own]) => [what, post, own] as const));
  it.each(single)('of one score and %s, %s', async (what, post, own) => {
    const classes = what.startsWith('two') ? 2 : 1;
    const attrs = { ...own, post_transform: attr.string(post) };
    await loadedSame(
      ofRows((b, x) => classifier(b, x, 1, attrs)[1], classes),
      classes,
    );
  });

  const several = transforms.flatMap(post => [2, 3, 4].flatMap(count => [0, 1].map(multi => [count, post, multi])));
  it.each(several as [number, string, number][])('of %d scores, %s, multi_class %d', async (count, post, multi) => {
    const attrs = { post_transform: attr.string(post), multi_class: attr.int(multi) };
    await loadedSame(
      ofRows((b, x) => classifier(b, x, count, attrs)[1], count),
      count,
    );
  });

  it.each(['NONE', 'LOGISTIC', 'SOFTMAX'])('of two opposite scores, %s, which end in a softmax', async post => {
    const loaded = await loadedSame(
      ofRows((b, x) => classifier(b, x, 2, opposed(post))[1], 2),
      2,
    );
    expect(loaded.nodes.at(-1)!.op).toBe(post === 'NONE' ? 'Gemm' : 'Softmax');
  });

  it('of four scores, the last two opposite to the first, which are no softmax', async () => {
    const both = (values: number[]) => attr.floats([...values.map(v => -v), ...values]);
    const attrs = {
      coefficients: both(numbers('coefficients', 2 * FEATURES)),
      intercepts: both(numbers('intercepts', 2)),
      post_transform: attr.string('LOGISTIC'),
    };
    const graph = ofRows((b, x) => classifier(b, x, 4, attrs)[1], 4);
    expect((await loadedSame(graph, 4)).nodes.at(-1)!.op).toBe('Sigmoid');
  });

  it('of whole numbers', async () => {
    const build = (b: GraphBuilder, x: string) =>
      classifier(b, b.op('Cast', [b.op('Mul', [x, b.scalar(5)])], { to: attr.int(DType.int64) }), 3)[1];
    await loadedSame(ofRows(build, 3), 3);
  });

  it('beside its labels, which are made as before where something reads them', async () => {
    const graph = ofRows((b, x) => {
      const [labels, scores] = classifier(b, x, 3, { post_transform: attr.string('SOFTMAX') });
      const column = b.op('Unsqueeze', [b.op('Cast', [labels], { to: attr.int(DType.float) }), b.ints([1])]);
      return b.op('Concat', [column, scores], { axis: attr.int(1) });
    }, 4);
    const upgraded = upgrade(graph, 'm.onnx');
    expect(upgraded.nodes.map(n => n.op)).toEqual(expect.arrayContaining(['LinearClassifier', 'Gemm']));
    expect(difference(await runRaw(upgraded, rows), await runRaw(graph, rows))).toBeLessThan(1e-6);
    const unread = ofRows((b, x) => classifier(b, x, 3)[1], 3);
    expect(upgrade(unread, 'm.onnx').nodes.map(n => n.op)).not.toContain('LinearClassifier');
  });

  it('whose one score of two is picked, as of a support vector machine', async () => {
    const build = (b: GraphBuilder, x: string) =>
      ml(b, 'ArrayFeatureExtractor', [classifier(b, x, 2, opposed('NONE'))[1], b.constant(constant.int64([], [1]))]);
    await loadedSame(ofRows(build, 1), 1);
  });
});

describe('LinearRegressor becomes a product', () => {
  const regressor = (targets: number, attrs: Attrs) =>
    ofRows((b, x) => {
      const coefficients = attr.floats(numbers('coefficients', targets * FEATURES));
      return ml(b, 'LinearRegressor', [x], { coefficients, targets: attr.int(targets), ...attrs });
    }, targets);

  const cases = [1, 3].flatMap(targets => ['NONE', 'LOGISTIC', 'SOFTMAX'].map(post => [targets, post] as const));
  it.each(cases)('of %d targets, %s', async (targets, post) => {
    const intercepts = attr.floats(numbers('intercepts', targets));
    await loadedSame(regressor(targets, { intercepts, post_transform: attr.string(post) }), targets);
  });

  it.each([0, 2])('of three targets with %d intercepts, which ONNX Runtime leaves out', async count => {
    await loadedSame(regressor(3, { intercepts: attr.floats(numbers('intercepts', count)) }), 3);
  });
});

describe.each([9, 17, 21])('before a product in opset %d', opset => {
  const classify = (first: (b: GraphBuilder, x: string) => string) =>
    ofRows((b, x) => classifier(b, first(b, x), 3)[1], 3, opset);

  it.each([FEATURES, 1])('Scaler with %d values', async count => {
    const attrs = { offset: attr.floats(numbers('offset', count)), scale: attr.floats(numbers('scale', count)) };
    await loadedSame(
      classify((b, x) => ml(b, 'Scaler', [x], attrs)),
      3,
    );
  });

  it.each(['MAX', 'L1', 'L2'])('Normalizer %s, of a row of zeros too', async name => {
    await loadedSame(
      classify((b, x) => norm(b, x, name)),
      3,
    );
  });

  it('Normalizer without a word', async () => {
    await loadedSame(
      classify((b, x) => ml(b, 'Normalizer', [x])),
      3,
    );
  });

  it.each([
    ['NaN', Number.NaN, FEATURES],
    ['NaN', Number.NaN, 1],
    ['a number', -7, FEATURES],
  ])('Imputer of %s', async (_, missing, count) => {
    const x = tensor(
      rows.shape,
      rows.data.map((v, i) => (i % 5 === 0 ? missing : v)),
    );
    const imputed = attr.floats(numbers('imputed', count));
    const attrs = { imputed_value_floats: imputed, replaced_value_float: attr.float(missing) };
    await loadedSame(
      classify((b, from) => ml(b, 'Imputer', [from], attrs)),
      3,
      x,
    );
  });
});

it('a regression with all that an export adds to it is its product and a softmax', async () => {
  const loaded = await loadedSame(
    ofRows((b, x) => regression(b, x)[1], 3),
    3,
  );
  expect(loaded.opset).toBe(OPSET);
  expect(loaded.nodes.map(n => n.op)).toEqual(['Flatten', 'Sub', 'Mul', 'Gemm', 'Softmax']);
});

it.each<[string, string, Attrs]>([
  ['another transform', 'LinearClassifier', { post_transform: attr.string('SOFTMAX_ZERO') }],
  ['another transform', 'LinearClassifier', { post_transform: attr.string('PROBIT') }],
  ['an attribute that is not known', 'LinearClassifier', { strange: attr.int(1) }],
  ['coefficients that are no rows', 'LinearClassifier', { intercepts: attr.floats(numbers('more', 5)) }],
  ['no intercepts', 'LinearClassifier', { intercepts: attr.floats([]) }],
  ['another transform', 'LinearRegressor', { coefficients: features('r'), post_transform: attr.string('PROBIT') }],
  ['coefficients that are no rows', 'LinearRegressor', { coefficients: features('r'), targets: attr.int(3) }],
  ['another norm', 'Normalizer', { norm: attr.string('L3') }],
  ['no scale', 'Scaler', { offset: features('o') }],
  ['another number of scales', 'Scaler', { offset: features('o'), scale: attr.floats([1]) }],
  ['whole numbers', 'Imputer', { imputed_value_int64s: attr.ints([1]), replaced_value_int64: attr.int(0) }],
  ['any features', 'ArrayFeatureExtractor', {}],
])('with %s, %s stays as it is', (_, op, attrs) => {
  const graph = ofRows((b, x) => {
    if (op === 'LinearClassifier') return classifier(b, x, 3, attrs)[1];
    return ml(b, op, op === 'ArrayFeatureExtractor' ? [x, b.ints([0])] : [x], attrs);
  }, 3);
  expect(upgrade(graph, 'm.onnx').nodes).toEqual(graph.nodes);
});

const two = { classes: ['a', 'b'], emits: 'probabilities' } as const;
const three = { classes: ['a', 'b', 'c'] } as const;

testEngine('a scaled logistic regression of three classes', {
  engine: onnxEngine,
  device: 'cpu',
  card: cardFor(
    folder.write(
      'three.onnx',
      ofRows((b, x) => regression(b, x)[1], 3),
    ),
    { ...three, emits: 'probabilities' },
  ),
  images: images('three', [3, 8, 8, 1]),
});

testEngine('a logistic regression of two classes', {
  engine: onnxEngine,
  device: 'cpu',
  card: cardFor(
    folder.write(
      'two.onnx',
      ofRows((b, x) => classifier(b, x, 2, opposed('LOGISTIC'))[1], 2),
    ),
    two,
  ),
  images: images('two', [3, 8, 8, 1]),
});

const normalised = (...names: readonly string[]) =>
  ofRows((b, x) => {
    const positive = b.op('Softplus', [x]);
    const parts = names.map(name => b.op('Mul', [norm(b, positive, name), b.scalar(name === 'L1' ? 20 : 5)]));
    return classifier(b, b.op('Sum', parts), 3)[1];
  }, 3);

testEngine('features that are normalised by sums', {
  engine: onnxEngine,
  device: 'cpu',
  card: cardFor(folder.write('sums.onnx', normalised('L1', 'L2')), three),
  images: images('sums', [3, 8, 8, 1]),
});

const why = 'DeepLIFT takes no condition, and one keeps rows of zeros from a division by their maximum';
testEngine('features that are normalised by their maximum', {
  engine: onnxEngine,
  device: 'cpu',
  card: cardFor(folder.write('maximum.onnx', normalised('MAX')), three),
  images: images('maximum', [3, 8, 8, 1]),
  skip: {
    'has the abilities that it declares, and refuses the others with a plain reason': why,
    'has multipliers of DeepLIFT that add up to the difference of two scores': why,
  },
});

describe('a file with labels beside its scores', () => {
  const graph = graphOf({
    input: [null, FEATURES],
    build: (b, x) => {
      const [, scores] = regression(b, x);
      return [scores, [null, 3]];
    },
  });
  const labels = graph.nodes.find(n => n.op === 'LinearClassifier')!.outputs[0]!;
  const label = { name: labels, dtype: DType.int64, dims: [null] };
  const both = { ...graph, outputs: [label, ...graph.outputs] };

  it('is read by its scores, which are told to end in a softmax', async () => {
    const { outputs } = await outlineOf(both, 'm.onnx');
    expect(outputs).toMatchObject([{ name: graph.outputs[0]!.name, shape: [3], tail: 'Softmax' }]);
    expect((await loadModel(both, { ...hint, classes: 3 })).graph.nodes.map(n => n.domain)).not.toContain('ai.onnx.ml');
  });

  it('with labels alone is refused by the name of the scores in the file', async () => {
    const scores = graph.nodes.find(n => n.op === 'LinearClassifier')!.outputs[1]!;
    const cast = { op: 'Cast', domain: '', name: 'cast', inputs: [labels], outputs: ['y'], attrs: { to: attr.int(6) } };
    const alone = {
      ...graph,
      nodes: [...graph.nodes, cast],
      outputs: [{ name: 'y', dtype: DType.int32, dims: [null] }],
    };
    const refusal = { hint: expect.stringMatching(`'output: ${scores}'`) };
    await expect(loadModel(alone, { ...hint, classes: 3 })).rejects.toMatchObject(refusal);
    await expect(outlineOf(alone, 'm.onnx')).rejects.toMatchObject(refusal);
  });
});
