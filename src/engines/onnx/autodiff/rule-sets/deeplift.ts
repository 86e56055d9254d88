import { z } from 'zod';
import { CtXaiError } from '../../../../core/errors.ts';
import { isInner, type Node, numbersOf } from '../../graph/graph.ts';
import { defineRule, type Rule } from '../rule.ts';
import type { Site } from '../site.ts';
import { operatorOf } from '../without-rule.ts';
import { globalMaximum, largest, maxPool } from './deeplift-maxima.ts';
import { normalisations } from './deeplift-normalisations.ts';
import { deepliftSeeding } from './deeplift-seeding.ts';
import { sums } from './deeplift-sums.ts';
import { both, middle, mixed, quotientSlopes, rescaled, shareOf } from './differences.ts';
import type { NetworkView, RuleSet } from './rule-set.ts';

export const deepliftOptions = z.strictObject({ products: z.enum(['means', 'bounded']).default('means') });

type DeepliftOptions = z.output<typeof deepliftOptions>;

/** Makes the rule of an operator from its derivative. */
type Multiplier = (standard: Rule) => Rule;

/** Linear in all that varies: the derivative is the multiplier. */
const LINEAR = [
  ...['Add', 'Sub', 'Sum', 'Mean', 'Neg', 'Identity', 'Dropout', 'Cast', 'CastLike', 'BatchNormalization'],
  ...['Concat', 'Split', 'Slice', 'Pad', 'Gather', 'GatherElements', 'GatherND', 'ScatterElements', 'ScatterND'],
  ...['Expand', 'Tile', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'Trilu', 'CumSum', 'Where'],
  ...['AveragePool', 'GlobalAveragePool', 'ReduceMean', 'ReduceSum', 'Resize', 'DepthToSpace', 'SpaceToDepth'],
  ...['DFT', 'Col2Im'],
];

/** Linear in each of two inputs. */
const BILINEAR = ['Conv', 'ConvTranspose', 'Gemm', 'MatMul', 'Einsum'];

/** Functions of the first input's single values. */
const POINTWISE = [
  ...['Relu', 'Clip', 'LeakyRelu', 'PRelu', 'ThresholdedRelu', 'Shrink', 'Elu', 'Selu', 'Celu'],
  ...[
    'ct-xai:Silu',
    'ct-xai:QuickGelu',
    'Gelu',
    'HardSwish',
    'Mish',
    'Sigmoid',
    'HardSigmoid',
    'Tanh',
    'Softplus',
    'Softsign',
  ],
  ...['Erf', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Pow', 'Abs', 'Floor', 'Ceil', 'Round', 'Sign'],
  ...['Sin', 'Cos', 'Tan', 'Sinh', 'Cosh', 'Asin', 'Acos', 'Atan', 'Asinh', 'Acosh', 'Atanh'],
];

const TABLE: ReadonlyMap<string, Multiplier> = new Map<string, Multiplier>([
  ...LINEAR.map(op => [op, standard => standard] as [string, Multiplier]),
  ...BILINEAR.map(op => [op, bilinear] as [string, Multiplier]),
  ...POINTWISE.map(op => [op, pointwise] as [string, Multiplier]),
  ['Div', quotient],
  ['GridSample', sampler],
  ['Max', largest],
  ['Min', largest],
  ['MaxPool', maxPool],
  ['GlobalMaxPool', globalMaximum],
  ['ReduceMax', globalMaximum],
  ['ReduceMin', globalMaximum],
  ...Object.entries(sums),
  ...Object.entries(normalisations),
]);

/**
 * DeepLIFT, rescale rule (Shrikumar et al. 2017): multipliers m with Σ m·(x − x′) = f(x) − f(x′), x′ a reference image.
 * Where the paper has no rule, one that keeps the sum exact: products and matrix products with the means of
 * both factors, quotients, maxima by the cross-maximum, softmax and normalisations as what they are made of.
 *
 * `products: bounded`: elementwise products of two by multipliers that are never much larger than the product. Means may
 * be, where one factor is large at the image and the other at the reference; what they hand to both factors then
 * cancels, and block by block less of it in float32.
 */
export function deeplift(options: DeepliftOptions): RuleSet {
  const table = new Map([...TABLE, ['Mul', elementwise(options)]]);
  return {
    reference: true,
    seeding: deepliftSeeding,
    rulesFor: network => (node, standard) => {
      const make = table.get(operatorOf(node));
      if (!make || !standard) refuse(node, `there is no rule for ${node.op}`);
      return guarded(make(standard), network);
    },
  };
}

function refuse(node: Node, why: string): never {
  const where = isInner(node.name) ? `a part of the model (${node.op})` : `node '${node.name}' (${node.op})`;
  throw new CtXaiError('OPERATOR', `DeepLIFT can't pass ${where}: ${why}.`, {
    hint: 'Use integrated gradients, which have the same sum and need derivatives only.',
  });
}

/** What varies with the image but carries no multiplier (an index, a condition) would break the sum. */
function guarded(rule: Rule, { path }: NetworkView): Rule {
  return {
    ...rule,
    differentiate(site) {
      const other = site.node.inputs.find(name => name !== '' && site.varies(name) && !path.tensors.has(name));
      if (other !== undefined)
        refuse(site.node, `one of its inputs changes with the image, and is no number to differentiate`);
      return rule.differentiate(site);
    },
  };
}

function pointwise(standard: Rule): Rule {
  const rule = rescaled(standard);
  return defineRule(standard.operators, site => {
    onlyFirstVaries(site);
    return exact(site) ?? rule.differentiate(site);
  });
}

/** Linear in the image that is sampled, where the places are the same for every image. */
function sampler(standard: Rule): Rule {
  return defineRule(standard.operators, site => {
    onlyFirstVaries(site);
    return standard.differentiate(site);
  });
}

function onlyFirstVaries(site: Site): void {
  const others = site.node.inputs.slice(1);
  if (others.some(name => name !== '' && site.varies(name))) {
    refuse(site.node, 'another of its inputs than the first changes with the image');
  }
}

/** Functions whose Δy/Δx has a form without a division by Δx: squares and inverses. */
function exact(site: Site): ReturnType<Rule['differentiate']> | undefined {
  const { e, g } = site;
  const exponent = site.node.op === 'Pow' ? site.value(1) : undefined;
  const power = exponent?.data.length === 1 ? numbersOf(exponent)[0] : undefined;
  if (power === 2) return [() => e.mul(g, e.add(...both(site, site.x())))];
  if (site.node.op === 'Reciprocal') return [() => e.neg(e.mul(g, e.mul(...both(site, site.y()))))];
  return undefined;
}

/** Of two factors that vary each gets the other's mean over image and reference. */
function bilinear(standard: Rule): Rule {
  return defineRule(standard.operators, site => {
    const factors = site.node.inputs.slice(0, site.node.op === 'Einsum' ? undefined : 2);
    const varying = factors.flatMap((name, i) => (name !== '' && site.varies(name) ? [i] : []));
    if (varying.length < 2) return standard.differentiate(site);
    if (varying.length > 2) refuse(site.node, 'more than two of its factors change with the image');
    const inputs = varying.map(i => [i, middle(site.e, ...both(site, site.x(i)))] as const);
    return standard.differentiate(site.at({ inputs }));
  });
}

/** a·b with other weights than one half where halves may be far larger than the product. */
const elementwise =
  ({ products }: DeepliftOptions) =>
  (standard: Rule): Rule => {
    const halves = bilinear(standard);
    return defineRule(standard.operators, site => {
      const { e, g } = site;
      if (!site.varies(site.x(0)) || !site.varies(site.x(1))) return standard.differentiate(site);
      const [a, b] = [both(site, site.x(0)), both(site, site.x(1))];
      const weight = () => {
        if (isReciprocal(site, site.x(1))) return shareOf(e, b[1], b[0]);
        if (isReciprocal(site, site.x(0))) return shareOf(e, a[0], a[1]);
        return shareOf(e, e.mul(a[0], b[1]), e.mul(a[1], b[0]));
      };
      const scaling = isReciprocal(site, site.x(0)) || isReciprocal(site, site.x(1));
      if (products === 'means' && !scaling) return halves.differentiate(site);
      return [
        () => site.reduce(e.mul(g, mixed(e, b[1], b[0], weight())), 0),
        () => site.reduce(e.mul(g, mixed(e, a[0], a[1], weight())), 1),
      ];
    });
  };

/** Whether a tensor is 1/b, perhaps to a power, or moved about: what it multiplies is then divided. */
function isReciprocal(site: Site, name: string): boolean {
  const node = site.producer(name);
  if (node?.domain !== '') return false;
  const constant = (i: number) => site.valueOf(node.inputs[i] ?? '');
  if (node.op === 'Reciprocal') return true;
  if (node.op === 'Div') return constant(0) !== undefined && constant(1) === undefined;
  if (node.op === 'Pow') return constant(1) !== undefined && numbersOf(constant(1)!).every(p => p < 0);
  return MOVING.has(node.op) && isReciprocal(site, node.inputs[0]!);
}

const MOVING: ReadonlySet<string> = new Set(['Identity', 'Cast', 'Reshape', 'Squeeze', 'Unsqueeze', 'Expand']);

/** a/b with a divisor that varies. */
function quotient(standard: Rule): Rule {
  return defineRule(standard.operators, site => {
    const { e, g } = site;
    if (!site.varies(site.x(1))) return standard.differentiate(site);
    const slopes = () => quotientSlopes(e, both(site, site.y()), both(site, site.x(1)));
    return [() => site.reduce(e.mul(g, slopes().forDividend), 0), () => site.reduce(e.mul(g, slopes().forDivisor), 1)];
  });
}
