import { z } from 'zod';
import { CtXaiError } from '../../../../core/errors.ts';
import type { Node } from '../../graph/graph.ts';
import { producers } from '../../graph/walk.ts';
import { defineRule, type Rule } from '../rule.ts';
import { foldBatchNorm } from './fold-batch-norm.ts';
import { type LayerRule, shares, weightedRule } from './lrp-layers.ts';
import { lrpSeeding } from './lrp-seeding.ts';
import { isRectifier } from './rectifiers.ts';
import type { NetworkView, RuleSet } from './rule-set.ts';
import { nonNegativeTensors } from './signs.ts';

export const lrpOptions = z.strictObject({
  composite: z
    .enum(['epsilon-plus-flat', 'epsilon-plus', 'epsilon', 'epsilon-gamma-box', 'alpha2-beta1'])
    .default('epsilon-plus-flat'),
  epsilon: z.number().min(0).default(1e-6),
  gamma: z.number().min(0).default(0.25),
  low: z.number().optional(),
  high: z.number().optional(),
  batchNorm: z.enum(['linear', 'pass']).default('linear'),
  seed: z.enum(['score', 'one']).default('score'),
});

export type LrpOptions = z.output<typeof lrpOptions>;

/** Rules by kind of layer: the first one with weights, convolutions, and dense layers. */
interface Composite {
  readonly first: LayerRule;
  readonly convolution: LayerRule;
  readonly dense: LayerRule;
}

function compositeOf({ composite, epsilon, gamma, low, high }: LrpOptions): Composite {
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

/** Relevance goes through activations as it is. */
const PASSING: ReadonlySet<string> = new Set([
  ...['Relu', 'Clip', 'LeakyRelu', 'PRelu', 'ThresholdedRelu', 'Elu', 'Selu', 'Celu', 'Sigmoid', 'HardSigmoid'],
  ...['Tanh', 'Softplus', 'Softsign', 'Silu', 'QuickGelu', 'Gelu', 'HardSwish', 'Mish'],
]);

/** Elements are moved about, or one of them is chosen: relevance follows its element, as a derivative would. */
const ROUTING: ReadonlySet<string> = new Set([
  ...['Identity', 'Dropout', 'Cast', 'Concat', 'Split', 'Slice', 'Pad', 'Gather', 'Expand', 'Tile'],
  ...['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose', 'DepthToSpace', 'SpaceToDepth'],
  ...['MaxPool', 'GlobalMaxPool', 'ReduceMax'],
]);

/** Sums: each summand gets its share. */
const SHARING: ReadonlySet<string> = new Set([
  ...['Add', 'Sub', 'Sum', 'Mean', 'AveragePool', 'GlobalAveragePool', 'ReduceMean', 'ReduceSum', 'Resize'],
]);

/** Arithmetic that leaves pixels where they are. */
const PIXELWISE: ReadonlySet<string> = new Set(['Add', 'Sub', 'Mul', 'Div', 'BatchNormalization']);

/** What a gate opens and shuts by. */
const GATES: ReadonlySet<string> = new Set(['Sigmoid', 'HardSigmoid']);

/**
 * Layer-wise relevance propagation (Bach et al. 2015; composites: Montavon et al. 2019, Kohlbrenner et al. 2020).
 * Batch normalisation goes into the layer before it where that has no other reader; elsewhere (DenseNet, pre-activation
 * networks) it is a linear layer of its own under ε, or passes relevance on. Its sums: the relevance of all tensors
 * together below each layer with weights, by the name of the layer's output.
 */
export function lrp(options: LrpOptions): RuleSet {
  const composite = compositeOf(options);
  return {
    rewrite: foldBatchNorm,
    seeding: lrpSeeding(options.seed),
    rulesFor(network) {
      const choose = chooser(network, composite, options.batchNorm);
      network.sums.enter(1, network.seed, 2);
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
  throw new CtXaiError(
    'OPERATOR',
    `LRP's rules for convolutional networks have none for ${node.op} at node '${node.name}'.`,
    {
      hint: 'Use deeplift, or an explainer by plain gradients.',
    },
  );
}

function chooser(network: NetworkView, composite: Composite, batchNorm: LrpOptions['batchNorm']) {
  const { model, path, sums } = network;
  const { values } = model;
  const made = producers(model.graph);
  const behindWeights = tensorsBehindWeights(path.nodes);
  const signs = nonNegativeTensors(model);
  const varying = (node: Node) => node.inputs.filter(name => path.tensors.has(name));
  return (node: Node, standard: Rule): Rule | undefined => {
    const inputs = varying(node);
    const first = !inputs.some(name => behindWeights.has(name));
    const level = node.outputs[0]!;
    if (CONVOLUTIONS.has(node.op) || DENSE.has(node.op)) {
      if (inputs.length > 1) return undefined;
      const plain = CONVOLUTIONS.has(node.op) ? composite.convolution : composite.dense;
      const ours = first ? composite.first : plain;
      const usable = node.inputs[0] === inputs[0] && values.has(node.inputs[1]!) && node.op !== 'Einsum';
      const rule = weightedRule(standard, usable ? ours : composite.dense, name => signs.has(name));
      return sums.accounted(rule, level);
    }
    if (first && PIXELWISE.has(node.op) && inputs.length === 1) return passing(node);
    if (PASSING.has(node.op) || isRectifier(node, values)) return passing(node);
    if (ROUTING.has(node.op)) return standard;
    if (SHARING.has(node.op)) return sums.accounted(shares(standard));
    if (node.op === 'BatchNormalization') {
      return batchNorm === 'pass' ? passing(node) : sums.accounted(shares(standard), level);
    }
    if (node.op === 'Mul' && inputs.length === 2) return product(node, made);
    if (node.op === 'Mul' || (node.op === 'Div' && node.inputs[0] === inputs[0] && inputs.length === 1)) {
      return sums.accounted(shares(standard));
    }
    return undefined;
  };
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

/** Of a gate and a signal the signal gets all (Arras et al. 2019); two like factors get half each. */
function product(node: Node, made: ReadonlyMap<string, Node>): Rule {
  const gates = node.inputs.map(name => isGate(name, made));
  const weight = (i: number) => (gates[0] === gates[1] ? 0.5 : gates[i] ? 0 : 1);
  return defineRule('Mul', site =>
    node.inputs.map((_, i) => () => (weight(i) === 0 ? undefined : site.reduce(site.e.mul(site.g, weight(i)), i))),
  );
}

/** Whether a tensor is a gate: what a sigmoid makes, perhaps moved about. */
function isGate(name: string, made: ReadonlyMap<string, Node>): boolean {
  const node = made.get(name);
  if (!node) return false;
  if (['Reshape', 'Expand', 'Unsqueeze', 'Squeeze', 'Transpose', 'Resize'].includes(node.op))
    return isGate(node.inputs[0]!, made);
  return GATES.has(node.op);
}
