import { z } from 'zod';
import { CtXaiError } from '../../../../core/errors.ts';
import type { Node } from '../../graph/graph.ts';
import { producers } from '../../graph/walk.ts';
import { defineRule, type Rule } from '../rule.ts';
import { foldBatchNorm } from './fold-batch-norm.ts';
import {
  bilinearRelevance,
  isGate,
  normalisationRelevance,
  productRelevance,
  softmaxRelevance,
} from './lrp-attention.ts';
import { addedBiases } from './lrp-bias.ts';
import { type LayerRule, shares, weightedRule } from './lrp-layers.ts';
import { lrpSeeding } from './lrp-seeding.ts';
import { isRectifier } from './rectifiers.ts';
import type { NetworkView, RuleSet } from './rule-set.ts';
import { nonNegativeTensors } from './signs.ts';

export const lrpOptions = z.strictObject({
  composite: z
    .enum(['epsilon-plus-flat', 'epsilon-plus', 'epsilon', 'epsilon-gamma-box', 'alpha2-beta1', 'gamma'])
    .default('epsilon-plus-flat'),
  epsilon: z.number().min(0).default(1e-6),
  gamma: z.number().min(0).default(0.25),
  denseGamma: z.number().min(0).default(0.05),
  low: z.number().optional(),
  high: z.number().optional(),
  batchNorm: z.enum(['linear', 'pass']).default('linear'),
  attention: z.enum(['halves', 'values']).default('halves'),
  seed: z.enum(['score', 'one']).default('score'),
});

export type LrpOptions = z.output<typeof lrpOptions>;

/** Rules by kind of layer: the first one with weights, convolutions, and dense layers. */
interface Composite {
  readonly first: LayerRule;
  readonly convolution: LayerRule;
  readonly dense: LayerRule;
}

function compositeOf({ composite, epsilon, gamma, denseGamma, low, high }: LrpOptions): Composite {
  const dense: LayerRule = { kind: 'epsilon', epsilon };
  const plus: LayerRule = { kind: 'alpha-beta', alpha: 1, beta: 0 };
  switch (composite) {
    case 'epsilon':
      return { first: dense, convolution: dense, dense };
    case 'epsilon-plus':
      return { first: plus, convolution: plus, dense };
    case 'epsilon-plus-flat':
      return { first: { kind: 'flat' }, convolution: plus, dense };
    case 'alpha2-beta1': {
      const both: LayerRule = { kind: 'alpha-beta', alpha: 2, beta: 1 };
      return { first: both, convolution: both, dense };
    }
    case 'gamma': {
      const convolution: LayerRule = { kind: 'gamma', gamma };
      return { first: convolution, convolution, dense: { kind: 'gamma', gamma: denseGamma } };
    }
    case 'epsilon-gamma-box': {
      if (low === undefined || high === undefined || !(low < high)) {
        throw new CtXaiError(
          'USAGE',
          "LRP's composite 'epsilon-gamma-box' needs the lowest and the highest input value.",
          {
            hint: "Give 'low' and 'high', with low < high, in the network's input space.",
          },
        );
      }
      return { first: { kind: 'box', low, high }, convolution: { kind: 'gamma', gamma }, dense };
    }
  }
}

const CONVOLUTIONS: ReadonlySet<string> = new Set(['Conv', 'ConvTranspose']);
const DENSE: ReadonlySet<string> = new Set(['Gemm', 'MatMul', 'Einsum']);

/** Functions of single values: relevance goes through them as it is (Achtibat et al. 2024, section 3.2). */
const PASSING: ReadonlySet<string> = new Set([
  ...['Relu', 'Clip', 'LeakyRelu', 'PRelu', 'ThresholdedRelu', 'Elu', 'Selu', 'Celu', 'Sigmoid', 'HardSigmoid'],
  ...['Tanh', 'Softplus', 'Softsign', 'Silu', 'QuickGelu', 'Gelu', 'HardSwish', 'Mish', 'Shrink'],
  ...['Erf', 'Exp', 'Log', 'Sqrt', 'Reciprocal', 'Abs', 'Neg', 'Sin', 'Cos'],
]);

/** Normalisations x·g(x) without more: all to x (Achtibat et al. 2024, proposition 3.4). */
const NORMALISING: ReadonlySet<string> = new Set(['LpNormalization', 'LRN']);

/** Elements are moved about, or one of them is chosen: relevance follows its element, as a derivative would. */
const ROUTING: ReadonlySet<string> = new Set([
  ...['Identity', 'Dropout', 'Cast', 'Split', 'Slice', 'Gather', 'Expand', 'Tile'],
  ...['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'DepthToSpace', 'SpaceToDepth'],
  ...['GatherElements', 'GatherND', 'MaxPool', 'GlobalMaxPool', 'ReduceMax'],
]);

/** The same, beside elements that do not come from the image (a class token, padding), whose relevance ends there. */
const MIXING: ReadonlySet<string> = new Set(['Concat', 'Pad', 'Where', 'Trilu', 'ScatterElements', 'ScatterND']);

/** Sums: each summand gets its share. */
const SHARING: ReadonlySet<string> = new Set([
  ...['Add', 'Sub', 'Sum', 'Mean', 'AveragePool', 'GlobalAveragePool', 'ReduceMean', 'ReduceSum', 'Resize', 'CumSum'],
]);

/** Arithmetic that leaves pixels where they are. */
const PIXELWISE: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Div', 'BatchNormalization']);

/**
 * Layer-wise relevance propagation (Bach et al. 2015; composites: Montavon et al. 2019, Kohlbrenner et al. 2020).
 * Batch normalisation goes into the layer before it where that has no other reader; elsewhere (DenseNet, pre-activation
 * networks) it is a linear layer of its own under ε, or passes relevance on. Attention and other normalisations have the
 * rules of Achtibat et al. 2024. Its sums: the relevance of all tensors together below each layer with weights, each
 * softmax and each matrix product, by the name of its output.
 */
export function lrp(options: LrpOptions): RuleSet {
  const composite = compositeOf(options);
  return {
    rewrite: foldBatchNorm,
    seeding: lrpSeeding(options.seed),
    rulesFor(network) {
      const choose = chooser(network, composite, options);
      network.sums.enter(1, network.seed, network.seed, [null, null]);
      network.sums.mark('scores');
      return (node, standard) => {
        const chosen = standard && choose(node, standard);
        if (!chosen) refuse(node);
        return chosen;
      };
    },
  };
}

function refuse(node: Node): never {
  throw new CtXaiError('OPERATOR', `LRP has no rule for ${node.op} at node '${node.name}'.`, {
    hint: 'Use deeplift, or an explainer by plain gradients.',
  });
}

function chooser(network: NetworkView, composite: Composite, { batchNorm, attention }: LrpOptions) {
  const { model, path, sums } = network;
  const { values } = model;
  const made = producers(model.graph);
  const behindWeights = tensorsBehindWeights(path.nodes);
  const signs = nonNegativeTensors(model);
  const biases = addedBiases(model);
  const varying = (node: Node) => node.inputs.filter(name => path.tensors.has(name));
  const gates = (node: Node) => node.inputs.map(name => isGate(name, made, values));
  return (node: Node, standard: Rule): Rule | undefined => {
    const inputs = varying(node);
    const first = !inputs.some(name => behindWeights.has(name));
    const level = node.outputs[0]!;
    if (CONVOLUTIONS.has(node.op) || DENSE.has(node.op)) {
      if (inputs.length > 1) {
        const taken =
          DENSE.has(node.op) && inputs.length === 2 && node.inputs.every((name, i) => i > 1 || path.tensors.has(name));
        const weights = attention === 'values' ? partsOf(gates(node)) : HALVES;
        return taken ? sums.accounted(bilinearRelevance(standard, weights), level) : undefined;
      }
      const plain = CONVOLUTIONS.has(node.op) ? composite.convolution : composite.dense;
      const ours = first ? composite.first : plain;
      const usable = node.inputs[0] === inputs[0] && values.has(node.inputs[1]!) && node.op !== 'Einsum';
      const rule = weightedRule(
        standard,
        usable ? ours : composite.dense,
        name => signs.has(name),
        biases.ofLayer.get(node),
      );
      return sums.accounted(rule, level);
    }
    if (biases.additions.has(node)) return passing(node);
    if (first && PIXELWISE.has(node.op) && inputs.length === 1) return passing(node);
    if (PASSING.has(node.op) || isRectifier(node, values)) return passing(node);
    if (ROUTING.has(node.op)) return standard;
    if (MIXING.has(node.op)) return sums.accounted(standard);
    if (SHARING.has(node.op)) return sums.accounted(shares(standard));
    if (node.op === 'BatchNormalization') {
      return batchNorm === 'pass' ? passing(node) : sums.accounted(shares(standard), level);
    }
    if (node.op === 'Softmax') return sums.accounted(softmaxRelevance, level);
    const normalised = normalisationRelevance(node);
    if (normalised) return inputs.length === 1 ? sums.accounted(normalised, level) : undefined;
    if (NORMALISING.has(node.op)) return passing(node);
    if (node.op === 'Pow' && node.inputs[0] === inputs[0] && inputs.length === 1) return passing(node);
    if (node.op === 'Mul' && inputs.length === 2) return productRelevance(partsOf(gates(node)));
    if (node.op === 'Div' && inputs.includes(node.inputs[1]!)) return quotient(node, inputs);
    if (node.op === 'Mul' || node.op === 'Div') return sums.accounted(shares(standard));
    return undefined;
  };
}

const HALVES = [0.5, 0.5];

/** Of a gate and a signal the signal gets all (Arras et al. 2019); two like factors get half each. */
const partsOf = ([first, second]: readonly boolean[]) => (first === second ? HALVES : first ? [0, 1] : [1, 0]);

/** a/b with both from the image: b scales a, which gets all. A constant through b: a function of single values. */
function quotient(node: Node, inputs: readonly string[]): Rule {
  const parts = node.inputs[0] === inputs[0] ? [1, 0] : [0, 1];
  return defineRule('Div', site => parts.map((part, i) => () => (part === 0 ? undefined : site.reduce(site.g, i))));
}

function passing(node: Node): Rule {
  return defineRule(node.op, site => node.inputs.map(() => () => site.g));
}

/** Tensors that some layer with weights has made. */
function tensorsBehindWeights(nodes: readonly Node[]): ReadonlySet<string> {
  const found = new Set<string>();
  for (const node of nodes) {
    const weighted = CONVOLUTIONS.has(node.op) || DENSE.has(node.op);
    if (!weighted && !node.inputs.some(name => found.has(name))) continue;
    for (const name of node.outputs) found.add(name);
  }
  return found;
}
