import type { Half } from '../../../core/contracts/index.ts';
import { inHalf } from '../../../core/image/halves.ts';
import { constant, type Node } from '../graph/graph.ts';
import { builderFor } from '../graph/walk.ts';
import type { NormalisedModel } from '../load/load-model.ts';

/**
 * The model behind a product with a constant that is 0 on one half of the image and 1 on the other: whatever lies in that
 * half, the scores are the same. Layers keep their names.
 */
export function blinded(model: NormalisedModel, half: Half, layout: 'NCHW' | 'NHWC'): NormalisedModel {
  const { graph, infos, values, input } = model;
  const { dims, dtype } = infos.get(input)!;
  const [height, width] = (layout === 'NCHW' ? dims.slice(2) : dims.slice(1)) as [number, number];
  const builder = builderFor(graph, infos.keys());
  const [seen, factor] = [builder.fresh('seen'), builder.fresh('blinded')];
  const mask = constant.float(
    layout === 'NCHW' ? [1, 1, height, width] : [1, height, width, 1],
    Float32Array.from({ length: height * width }, (_, i) => (inHalf(half, i, [height, width]) ? 0 : 1)),
  );
  const product: Node = {
    ...{ op: 'Mul', domain: '', name: builder.fresh('Mul'), attrs: {} },
    inputs: [input, factor],
    outputs: [seen],
  };
  const behind = (node: Node): Node => ({ ...node, inputs: node.inputs.map(name => (name === input ? seen : name)) });
  return {
    ...model,
    graph: {
      ...graph,
      nodes: [product, ...graph.nodes.map(behind)],
      constants: new Map([...graph.constants, [factor, mask]]),
    },
    values: new Map([...values, [factor, mask]]),
    infos: new Map([...infos, [seen, { dtype, dims }], [factor, { dtype, dims: mask.dims }]]),
  };
}
