import type { Batch, BiasTerm, Target } from '../../../core/contracts/index.ts';
import { sizeOf, tensor } from '../../../core/tensor.ts';
import { imageOf } from '../../shared/images.ts';
import type { Layout } from '../../shared/layer-map.ts';
import type { Head } from '../../shared/scores.ts';
import { differentiateAll } from '../autodiff/index.ts';
import { findPath } from '../autodiff/path.ts';
import { asOneOperator } from '../autodiff/rule-sets/activations.ts';
import { biasSites } from '../graph/bias-sites.ts';
import type { Graph } from '../graph/graph.ts';
import { builderFor } from '../graph/walk.ts';
import type { PixelGrids } from '../layers/measure-grids.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import type { OnnxExecutor } from './onnx-executor.ts';
import type { Program } from './programs.ts';
import { withSeed } from './seed.ts';

/** The gradient at the image, and each bias times the gradient where it is added. */
export interface BiasProgram extends Program {
  readonly terms: readonly { readonly tensor: string; readonly output: string }[];
}

/** @throws CtXaiError OPERATOR or LAYER */
export function biasProgram(model: NormalisedModel, head: Head): BiasProgram {
  // The 1 in a GELU that is written as several operators is no bias of the network.
  const { nodes } = asOneOperator(findPath(model, [model.input], model.output).nodes, model);
  const sites = biasSites(model, new Set(nodes.flatMap(node => node.outputs)));
  const names = sites.map(site => site.tensor);
  const inner = names.filter(name => name !== model.output);
  const wrt = [model.input, ...inner];
  const made = differentiateAll(model, { wrt, of: model.output, keep: [model.output, ...inner] });
  const units = model.infos.get(model.output)!.dims[1]!;
  const { graph, target, mode } = withSeed(made.graph, made.seed, model.output, units, head);
  const b = builderFor(graph);
  const terms = sites.map(({ tensor: name, bias }) => {
    const gradient = name === model.output ? made.seed : made.gradients[wrt.indexOf(name)]!;
    return { tensor: name, output: b.op('Mul', [gradient, bias(b)]) };
  });
  const gradient = made.gradients[0]!;
  const outputs: Graph['outputs'] = [
    { ...model.infos.get(model.input)!, name: gradient },
    { ...model.infos.get(model.output)!, name: model.output },
    ...terms.map(term => ({ ...model.infos.get(term.tensor)!, name: term.output })),
  ];
  return {
    graph: {
      ...graph,
      nodes: [...graph.nodes, ...b.nodes],
      constants: new Map([...graph.constants, ...b.constants]),
      outputs,
    },
    ...{ target, mode, terms },
    gradients: [gradient, ...terms.map(term => term.output)],
  };
}

/** The input gradient, the raw scores and the bias terms of one image after the other. */
export async function biasGradients(
  executor: OnnxExecutor,
  asked: { readonly model: NormalisedModel; readonly head: Head; readonly layout: Layout; readonly grids: PixelGrids },
  batch: Batch,
  target: Target,
  consume: (i: number, gradient: Float32Array, raw: Float32Array, terms: readonly BiasTerm[]) => void,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { model, head, layout, grids } = asked;
  const { height, width, channels } = executor.image;
  const image = { pixels: height * width, channels, layout };
  const scratch = new Float32Array(image.pixels * channels);
  const make = () => biasProgram(model, head);
  await executor.eachAlone('biases', make, 'gradients at the biases', { batch, target, signal }, (i, row, program) => {
    const terms = program.terms.map(({ tensor: name, output }) => termOf(model, grids, name, row(output)));
    consume(i, imageOf(row(program.gradients![0]!), 0, image, scratch), row(model.output), terms);
  });
}

function termOf(model: NormalisedModel, grids: PixelGrids, name: string, values: Float32Array): BiasTerm {
  const grid = grids.get(name);
  if (typeof grid !== 'object' || model.infos.get(name)!.dims.length !== 4) {
    // Tokens and windows may be folded into the batch: then only the values as they lie there are known.
    const dims = model.infos.get(name)!.dims.slice(1).map(Number);
    const shape = sizeOf(dims) === values.length ? dims : [values.length];
    return { name, value: tensor(shape, values), spatial: false };
  }
  const { height, width, channels, layout } = grid;
  const own = imageOf(values, 0, { pixels: height * width, channels, layout }, new Float32Array(values.length));
  return { name, value: tensor([height, width, channels], own), spatial: true };
}
