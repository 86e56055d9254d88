import { attr, constant, DType, type Node, read } from '../../graph/graph.ts';
import type { UpgradeRule, UpgradeRules, Upgrading } from './upgrading.ts';

/**
 * Operators of the domain ai.onnx.ml, as exports of scikit-learn have them, that ONNX's own can be written for. What
 * ONNX Runtime makes of them counts, which its documentation does not always say.
 */

/** Writes a node otherwise, and says whether it has. */
type Rewriting = (node: Node, u: Upgrading) => boolean;

/** Nodes that have further attributes, or that the rule does not write, stay as they are. */
const knowing =
  (keys: readonly string[], rewrite: Rewriting): UpgradeRule =>
  (node, u) => {
    const known = Object.keys(node.attrs).every(key => keys.includes(key));
    if (!known || !rewrite(node, u)) u.builder.push(node);
  };

/** The first input, which may hold integers, as floats. */
const floats = (node: Node, u: Upgrading) => u.builder.op('Cast', [node.inputs[0]!], { to: attr.int(DType.float) });

const row = (values: readonly number[], u: Upgrading) => u.builder.constant(constant.float([values.length], values));

function scaler(node: Node, u: Upgrading): boolean {
  const offset = read.floats(node, 'offset') ?? [];
  const scale = read.floats(node, 'scale') ?? [];
  if (scale.length === 0 || offset.length !== scale.length) return false;
  u.finish(node, 'Mul', [u.builder.op('Sub', [floats(node, u), row(offset, u)]), row(scale, u)]);
  return true;
}

/** A value that is told to be missing, by itself or for each feature, is replaced. */
function imputer(node: Node, u: Upgrading): boolean {
  const values = read.floats(node, 'imputed_value_floats') ?? [];
  const missing = read.float(node, 'replaced_value_float', 0);
  if (values.length === 0) return false;
  const x = floats(node, u);
  const { builder } = u;
  const found = Number.isNaN(missing) ? builder.op('IsNaN', [x]) : builder.op('Equal', [x, builder.scalar(missing)]);
  u.finish(node, 'Where', [found, row(values, u), x]);
  return true;
}

const NORMS: ReadonlyMap<string, number> = new Map([
  ['L1', 1],
  ['L2', 2],
]);

/** Divides each row by its norm; a row of zeros stays one. MAX is the greatest value, not the greatest magnitude. */
function normalizer(node: Node, u: Upgrading): boolean {
  const norm = read.string(node, 'norm', 'MAX');
  const p = NORMS.get(norm);
  if (p === undefined && norm !== 'MAX') return false;
  const x = floats(node, u);
  if (p === 1 && sumToOne(node.inputs[0]!, u)) {
    u.finish(node, 'Identity', [x]);
  } else if (p !== undefined) {
    u.finish(node, 'LpNormalization', [x], { axis: attr.int(-1), p: attr.int(p) });
  } else {
    const { builder } = u;
    const top = builder.op('ReduceMax', [x, builder.ints([-1])]);
    const none = builder.op('Equal', [top, builder.scalar(0)]);
    u.finish(node, 'Div', [x, builder.op('Where', [none, builder.scalar(1), top])]);
  }
  return true;
}

/** Whether a tensor holds probabilities that a LinearClassifier has made to sum to 1. */
function sumToOne(name: string, u: Upgrading): boolean {
  const maker = u.maker(name);
  return isClassifier(maker) && maker.outputs[1] === name && scoringOf(maker)?.end === 'Softmax';
}

const isClassifier = (node: Node | undefined): node is Node =>
  node?.domain === 'ai.onnx.ml' && node.op === 'LinearClassifier';

/** Products of the features with some coefficients, sums with as many intercepts, and the operator that ends them. */
interface Scoring {
  /** [outputs, features] */
  readonly coefficients: readonly number[];
  readonly intercepts: readonly number[];
  readonly end: string;
}

const TRANSFORMS: ReadonlyMap<string, string> = new Map([
  ['NONE', 'Identity'],
  ['LOGISTIC', 'Sigmoid'],
  ['SOFTMAX', 'Softmax'],
]);

function linear(node: Node, intercepts: readonly number[]): Scoring | undefined {
  const coefficients = read.floats(node, 'coefficients') ?? [];
  const end = TRANSFORMS.get(read.string(node, 'post_transform', 'NONE'));
  const whole = intercepts.length > 0 && coefficients.length > 0 && coefficients.length % intercepts.length === 0;
  if (!whole || end === undefined) return undefined;
  return { coefficients, intercepts, end };
}

/** A single score is not transformed. */
const plainIfSingle = (scoring: Scoring): Scoring =>
  scoring.intercepts.length === 1 ? { ...scoring, end: 'Identity' } : scoring;

/** How a LinearClassifier scores. */
function scoringOf(node: Node): Scoring | undefined {
  const scoring = linear(node, read.floats(node, 'intercepts') ?? []);
  if (scoring === undefined) return undefined;
  const { coefficients, intercepts, end } = scoring;
  if (intercepts.length === 1 && labelsOf(node) === 2) return ofTwoLabels(scoring);
  const logistic = end === 'Sigmoid' && intercepts.length === 2;
  return logistic && opposed(coefficients) && opposed(intercepts) ? asSoftmax(scoring) : plainIfSingle(scoring);
}

/** One score s of two labels stands for two: the logistic functions of −s and s, or 1 − s and s whatever the transform. */
function ofTwoLabels({ coefficients, intercepts, end }: Scoring): Scoring {
  const both = [...coefficients.map(v => -v), ...coefficients];
  const s = intercepts[0]!;
  if (end === 'Sigmoid') return asSoftmax({ coefficients: both, intercepts: [-s, s], end });
  return { coefficients: both, intercepts: [1 - s, s], end: 'Identity' };
}

/** The number of a classifier's labels, which are strings where there are any. */
function labelsOf({ attrs }: Node): number {
  const count = (key: string) => (attrs[key]?.value as readonly unknown[] | undefined)?.length ?? 0;
  return count('classlabels_strings') || count('classlabels_ints');
}

/** Whether the second half of some values is the first with the other sign. */
function opposed(values: readonly number[]): boolean {
  const half = values.length / 2;
  return values.every((v, i) => i >= half || v === -values[half + i]!);
}

/** The logistic functions of −z and z, as a logistic regression has them, are the softmax of −z/2 and z/2. */
function asSoftmax({ coefficients, intercepts }: Scoring): Scoring {
  const half = (values: readonly number[]) => values.map(v => v / 2);
  return { coefficients: half(coefficients), intercepts: half(intercepts), end: 'Softmax' };
}

function write({ coefficients, intercepts, end }: Scoring, node: Node, u: Upgrading): void {
  const outputs = intercepts.length;
  const weights = u.builder.constant(constant.float([outputs, coefficients.length / outputs], coefficients));
  const z = u.builder.op('Gemm', [floats(node, u), weights, row(intercepts, u)], { transB: attr.int(1) });
  u.finish(node, end, [z], end === 'Softmax' ? { axis: attr.int(-1) } : {});
}

function linearClassifier(node: Node, u: Upgrading): boolean {
  const [labels = '', scores = ''] = node.outputs;
  const scoring = scoringOf(node);
  if (scoring === undefined || scores === '') return false;
  if (u.used.has(labels)) {
    const { builder } = u;
    builder.push({ ...node, name: builder.fresh(node.op), outputs: [labels, builder.fresh('scores')] });
  }
  write(scoring, { ...node, outputs: [scores] }, u);
  return true;
}

function linearRegressor(node: Node, u: Upgrading): boolean {
  const targets = read.int(node, 'targets', 1);
  const intercepts = read.floats(node, 'intercepts') ?? [];
  // ONNX Runtime leaves out intercepts of another number.
  const scoring = linear(node, intercepts.length === targets ? intercepts : new Array<number>(targets).fill(0));
  if (scoring === undefined) return false;
  write(plainIfSingle(scoring), node, u);
  return true;
}

/** Picks some of a classifier's scores. */
function arrayFeatureExtractor(node: Node, u: Upgrading): boolean {
  const [scores, picks] = node.inputs as readonly [string, string];
  const maker = u.maker(scores);
  // Only of scores is it known that they have two axes.
  if (!isClassifier(maker) || maker.outputs[1] !== scores || u.stored(picks)?.dtype !== DType.int64) return false;
  const list = u.builder.op('Reshape', [picks, u.builder.ints([-1])]);
  u.finish(node, 'Gather', [scores, list], { axis: attr.int(-1) });
  return true;
}

const TRANSFORMED = ['coefficients', 'intercepts', 'post_transform'];

export const scikitLearnRules: UpgradeRules = {
  Scaler: knowing(['offset', 'scale'], scaler),
  Imputer: knowing(['imputed_value_floats', 'replaced_value_float'], imputer),
  Normalizer: knowing(['norm'], normalizer),
  LinearClassifier: knowing(
    [...TRANSFORMED, 'multi_class', 'classlabels_ints', 'classlabels_strings'],
    linearClassifier,
  ),
  LinearRegressor: knowing([...TRANSFORMED, 'targets'], linearRegressor),
  ArrayFeatureExtractor: knowing([], arrayFeatureExtractor),
};
