import type { Head } from '../../shared/scores.ts';
import type { Seeding, SeedParts } from '../autodiff/index.ts';
import { attr, constant, DType, type Graph, GraphBuilder } from '../graph/graph.ts';

/** A gradient graph that makes its own seed, d score / d output, from two small inputs. */
export interface SeededGraph {
  readonly graph: Graph;
  /** Input [n, k]: 1 at the class, 0 elsewhere; for a sigmoid unit [n, 1]: 1 for the positive class, −1 for the other. */
  readonly target: string;
  /** Input [2]: `MODES` of the score. */
  readonly mode: string;
}

/**
 * Values of the `mode` input for each score: [margin, probability], so that one graph gives all three gradients.
 */
export const MODES = { logit: [0, 0], margin: [1, 0], probability: [0, 1] } as const;

/**
 * Puts nodes before `seed` that compute it. With softmax p over classes and q over those other than t:
 * logit e_t; margin e_t − q; probability p_t (e_t − p). Sigmoid, s = ±1: s; s; s p (1 − p). Where the output holds
 * probabilities: e_t; e_t / p_t − (1 − e_t) / Σ_{c≠t} p_c; e_t (sigmoid: s; s / (p (1 − p)); s).
 * @param scores the model's output, a tensor of the graph
 * @param other what backward rules start from instead, and the scores of their reference image
 */
export function withSeed(
  graph: Graph,
  seed: string,
  scores: string,
  units: number,
  head: Head,
  other: { readonly seeding?: Seeding; readonly reference?: string } = {},
): SeededGraph {
  const taken = [...graph.nodes.flatMap(n => [n.name, ...n.outputs]), ...graph.constants.keys()];
  const b = new GraphBuilder({ opset: graph.opset, taken: [...taken, ...graph.inputs.map(i => i.name)] });
  const [target, mode] = [b.fresh('target'), b.fresh('mode')];
  const margin = b.op('Slice', [mode, b.ints([0]), b.ints([1])]);
  const probability = b.op('Slice', [mode, b.ints([1]), b.ints([2])]);
  const build = other.seeding ?? (head.task === 'sigmoid' ? sigmoidSeed : softmaxSeed);
  const made = build(b, {
    task: head.task,
    ...{ target, margin, probability, scores },
    ...(other.reference === undefined ? {} : { reference: other.reference }),
    probabilities: head.values === 'probabilities',
  });
  b.push({ op: 'Identity', domain: '', name: b.fresh('Seed'), inputs: [made], outputs: [seed], attrs: {} });
  const batch = graph.inputs.find(i => i.name === seed)?.dims[0] ?? null;
  return {
    graph: {
      ...graph,
      nodes: sorted([...b.nodes], graph, seed),
      constants: new Map([...graph.constants, ...b.constants]),
      inputs: [
        ...graph.inputs.filter(i => i.name !== seed),
        { name: target, dtype: DType.float, dims: [batch, units] },
        { name: mode, dtype: DType.float, dims: [2] },
      ],
    },
    target,
    mode,
  };
}

/** The seed's nodes stand right before the first that reads the seed: by then the scores are there. */
function sorted(own: Graph['nodes'][number][], graph: Graph, seed: string): Graph['nodes'] {
  const at = graph.nodes.findIndex(n => n.inputs.includes(seed));
  return [...graph.nodes.slice(0, at), ...own, ...graph.nodes.slice(at)];
}

/** a + weight · (b − a), for a weight of 0 or 1 */
function either(b: GraphBuilder, weight: string, yes: string, no: string): string {
  const on = b.op('Greater', [weight, b.scalar(0.5)]);
  return b.op('Where', [on, yes, no]);
}

function softmaxSeed(b: GraphBuilder, { target, margin, probability, scores, probabilities }: SeedParts): string {
  const last = b.ints([-1]);
  const keep = { keepdims: attr.int(1) };
  if (probabilities) {
    const others = b.op('Sub', [b.constant(constant.float([1], [1])), target]);
    const share = (mask: string) => {
      const total = b.op('ReduceSum', [b.op('Mul', [mask, scores]), last], keep);
      return b.op('Div', [mask, b.op('Max', [total, b.scalar(1e-38)])]);
    };
    return either(b, margin, b.op('Sub', [share(target), share(others)]), target);
  }
  // For the margin the class itself is taken out of the softmax.
  const away = b.op('Mul', [b.op('Mul', [target, margin]), b.scalar(-1e30)]);
  const softmax = b.op('Softmax', [b.op('Add', [scores, away])], { axis: attr.int(-1) });
  const difference = b.op('Sub', [target, softmax]);
  const own = b.op('ReduceSum', [b.op('Mul', [target, softmax]), last], keep);
  const bent = either(b, probability, b.op('Mul', [own, difference]), target);
  return either(b, margin, difference, bent);
}

function sigmoidSeed(b: GraphBuilder, { target, margin, probability, scores, probabilities }: SeedParts): string {
  const p = probabilities ? scores : b.op('Sigmoid', [scores]);
  const slope = b.op('Mul', [p, b.op('Sub', [b.constant(constant.float([1], [1])), p])]);
  if (!probabilities) return either(b, probability, b.op('Mul', [target, slope]), target);
  return either(b, margin, b.op('Div', [target, b.op('Max', [slope, b.scalar(1e-38)])]), target);
}
