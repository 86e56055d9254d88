import { differentiateAll } from '../autodiff/index.ts';
import { attr, DType, type Graph } from '../graph/graph.ts';
import { builderFor } from '../graph/walk.ts';
import type { Built } from './architectures.ts';
import type { TrainedParameter } from './network.ts';

/** One step's forward and backward pass as a graph. */
export interface TrainGraph {
  readonly graph: Graph;
  /** The input [n, k]: weight of the image × (smoothed) one-hot class, over the sum of weights. */
  readonly target: string;
  /** The parameters with a gradient, and the outputs that hold it. */
  readonly trained: readonly { readonly parameter: TrainedParameter; readonly gradient: string }[];
  readonly logits: string;
  /** Normalisation layers: running statistics and the outputs with the batch's own. */
  readonly statistics: Built['network']['statistics'];
  /** The last spatial activation. */
  readonly camLayer: string;
}

/**
 * The gradient of softmax cross-entropy, −Σ target · log softmax(z), with respect to all weights, scales and biases:
 * its seed is softmax(z)·Σ_k target − target.
 */
export function trainGraph({ network, model }: Built): TrainGraph {
  const trained = network.parameters.filter(p => !p.kind.startsWith('running'));
  const batchStatistics = network.statistics.flatMap(s => [s.batchMean, s.batchVariance]);
  const { graph, seed, gradients } = differentiateAll(model, {
    wrt: trained.map(p => p.name),
    of: model.output,
    keep: [model.output, ...batchStatistics],
  });
  const b = builderFor(graph);
  const target = b.fresh('target');
  const total = b.op('ReduceSum', [target, b.ints([-1])], { keepdims: attr.int(1) });
  const softmax = b.op('Softmax', [model.output], { axis: attr.int(-1) });
  const made = b.op('Sub', [b.op('Mul', [softmax, total]), target]);
  b.push({ op: 'Identity', domain: '', name: b.fresh('Seed'), inputs: [made], outputs: [seed], attrs: {} });
  const at = graph.nodes.findIndex(n => n.inputs.includes(seed));
  return {
    graph: {
      ...graph,
      nodes: [...graph.nodes.slice(0, at), ...b.nodes, ...graph.nodes.slice(at)],
      constants: new Map([...graph.constants, ...b.constants]),
      inputs: [
        ...graph.inputs.filter(i => i.name !== seed),
        { name: target, dtype: DType.float, dims: model.infos.get(model.output)!.dims },
      ],
    },
    target,
    trained: trained.map((parameter, i) => ({ parameter, gradient: gradients[i]! })),
    logits: model.output,
    statistics: network.statistics,
    camLayer: model.graph.nodes.find(n => n.op === 'GlobalAveragePool')!.inputs[0]!,
  };
}
