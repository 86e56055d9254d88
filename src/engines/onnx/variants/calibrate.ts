import { attr, DType, type Graph, type GraphBuilder, type Node, type ValueInfo } from '../graph/graph.ts';
import { builderFor, pruned } from '../graph/walk.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import type { LinearSite } from './sites.ts';

/** Runs a graph on the images that layers are fitted on, all in one batch, and gives its outputs by name. */
export type RunImages = (graph: Graph) => Promise<Readonly<Record<string, Float32Array>>>;

/** Mean and standard deviation of a layer over images, places and channels. */
export interface Spread {
  readonly mean: number;
  readonly deviation: number;
}

/** By channel: the output becomes scale · output + shift. */
export interface ChannelAffine {
  readonly scale: readonly number[];
  readonly shift: readonly number[];
}

/** A deviation below this share of the layer's largest is rounding: the channel is constant. */
const CONSTANT = 1e-6;

/** The spread of each site's output in the model as it is. */
export async function spreadsOf(
  model: NormalisedModel,
  sites: readonly LinearSite[],
  run: RunImages,
): Promise<readonly Spread[]> {
  const b = builderOf(model);
  const outputs = sites.map(({ output }) => {
    const axes = model.infos.get(output)!.dims.map((_, i) => i);
    const { mean, deviation } = moments(b, output, axes);
    return { mean, deviation };
  });
  const found = await run(withOutputs(model, [...model.graph.nodes, ...b.nodes], b, outputs.flatMap(Object.values)));
  return outputs.map(names => ({ mean: found[names.mean]![0]!, deviation: found[names.deviation]![0]! }));
}

/**
 * How each site's output must be scaled and shifted so that all its channels have the mean and deviation wanted, when
 * those before it are scaled and shifted in the same way: one pass of a graph that normalises as it goes. Where a site
 * has no bias its channels keep their means, scaled.
 */
export async function fitted(
  model: NormalisedModel,
  sites: readonly LinearSite[],
  wanted: readonly Spread[],
  run: RunImages,
): Promise<readonly ChannelAffine[]> {
  const b = builderOf(model);
  const byOutput = new Map(sites.map((site, k) => [site.output, k]));
  const nodes: Node[] = [];
  const outputs: { mean: string; deviation: string }[] = [];
  for (const node of model.graph.nodes) {
    const k = node.outputs.map(name => byOutput.get(name)).find(found => found !== undefined);
    if (k === undefined) {
      nodes.push(node);
      continue;
    }
    const { output, axis, bias } = sites[k]!;
    const raw = b.fresh('raw');
    nodes.push({ ...node, outputs: node.outputs.map(name => (name === output ? raw : name)) });
    const from = b.nodes.length;
    const axes = model.infos.get(output)!.dims.flatMap((_, i) => (i === axis ? [] : [i]));
    const { mean, deviation, centred } = moments(b, raw, axes);
    const { mean: m, deviation: s } = spreadOf(wanted[k]!);
    const floor = b.op('Mul', [b.op('ReduceMax', [deviation], { keepdims: attr.int(0) }), b.scalar(CONSTANT)]);
    const varies = b.op('Greater', [deviation, b.op('Max', [floor, b.scalar(1e-30)])]);
    const gain = b.op('Where', [varies, b.op('Div', [b.scalar(s), deviation]), b.scalar(1)]);
    const scaled = b.op('Mul', [bias ? centred : raw, gain]);
    const shifted = { op: 'Add', domain: '', name: b.fresh('Shift'), attrs: {}, outputs: [output] };
    b.push({ ...shifted, inputs: [scaled, b.scalar(bias ? m : 0)] });
    nodes.push(...b.nodes.slice(from));
    outputs[k] = { mean, deviation: gain };
  }
  const found = await run(withOutputs(model, nodes, b, outputs.flatMap(Object.values)));
  return sites.map((site, k) => {
    const [means, scale] = [Array.from(found[outputs[k]!.mean]!), Array.from(found[outputs[k]!.deviation]!)];
    const { mean } = spreadOf(wanted[k]!);
    return { scale, shift: scale.map((a, c) => (site.bias ? mean - means[c]! * a : 0)) };
  });
}

/** A layer that is constant in the original is given a spread of 1, so that what follows it is alive. */
function spreadOf({ mean, deviation }: Spread): Spread {
  return { mean, deviation: deviation > 0 ? deviation : 1 };
}

function builderOf({ graph, infos }: NormalisedModel): GraphBuilder {
  return builderFor(graph, infos.keys());
}

function moments(
  b: GraphBuilder,
  x: string,
  axes: readonly number[],
): { mean: string; deviation: string; centred: string } {
  const keep = { keepdims: attr.int(1) };
  const mean = b.op('ReduceMean', [x, b.ints(axes)], keep);
  const centred = b.op('Sub', [x, mean]);
  const variance = b.op('ReduceMean', [b.op('Mul', [centred, centred]), b.ints(axes)], keep);
  return { mean, deviation: b.op('Sqrt', [variance]), centred };
}

function withOutputs(
  { graph }: NormalisedModel,
  nodes: readonly Node[],
  b: GraphBuilder,
  names: readonly string[],
): Graph {
  const outputs: ValueInfo[] = names.map(name => ({ name, dtype: DType.float, dims: [] }));
  return pruned({ ...graph, nodes, constants: new Map([...graph.constants, ...b.constants]), outputs }, names);
}
