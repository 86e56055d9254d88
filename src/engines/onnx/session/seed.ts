import type { Head } from '../../shared/scores.ts';
import { derivativeSeeding, type Seeding } from '../autodiff/index.ts';
import { DType, type Graph } from '../graph/graph.ts';
import { builderFor } from '../graph/walk.ts';

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
 * Puts nodes before `seed` that compute it: the score's derivative, or what backward rules start from.
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
  const b = builderFor(graph);
  const [target, mode] = [b.fresh('target'), b.fresh('mode')];
  const margin = b.op('Slice', [mode, b.ints([0]), b.ints([1])]);
  const probability = b.op('Slice', [mode, b.ints([1]), b.ints([2])]);
  const build = other.seeding ?? derivativeSeeding;
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
