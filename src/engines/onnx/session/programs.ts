import type { BackwardRules } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import type { Head } from '../../shared/scores.ts';
import { batchTensors } from '../autodiff/batch-tensors.ts';
import { differentiateAll, ruleSetOf } from '../autodiff/index.ts';
import { simplify } from '../autodiff/optimise/index.ts';
import { attr, DType, type Graph, type GraphBuilder, type Node, type ValueInfo } from '../graph/graph.ts';
import { builderFor, dependents, producers, pruned, readBy } from '../graph/walk.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { withSeed } from './seed.ts';

/** A graph to be run, and which of its inputs and outputs are what. */
export interface Program {
  readonly graph: Graph;
  readonly target?: string;
  readonly mode?: string;
  /** d score / d tensor, one for each tensor that was asked for. */
  readonly gradients?: readonly string[];
  /** Of backward rules that compare with a reference image: the input for it, and the output of its scores. */
  readonly reference?: { readonly image: string; readonly scores: string };
  /** The output [n, names] of sums that backward rules report. */
  readonly sums?: { readonly output: string; readonly names: readonly string[] };
  /** Rows and columns of inputs whose size the graph leaves open, for a trial run; by input. */
  readonly sizes?: ReadonlyMap<string, readonly [number, number]>;
  /** What backward rules leave out, in words. */
  readonly notes?: readonly string[];
}

/** Programs of one kind cost much the same, so one sweep serves them all. */
export type ProgramKind =
  | 'forward'
  | 'gradient'
  | 'rules'
  | 'layer'
  | 'activations'
  | 'continuation'
  | 'biases'
  | 'attention'
  | 'changes';

/** The name of a program: what it is of, and the tensors that it is about. */
export function programKey(kind: ProgramKind, tensors: readonly string[] = []): string {
  return [kind, ...tensors].join('\n');
}

/** Image → scores. */
export function forwardProgram(model: NormalisedModel): Program {
  return { graph: simplify(model).graph };
}

/**
 * Gradients with respect to tensors, the scores, and the values of those tensors that are not the image.
 * @throws CtXaiError OPERATOR or LAYER
 */
export function gradientProgram(model: NormalisedModel, head: Head, wrt: readonly string[]): Program {
  const keep = [model.output, ...wrt.filter(name => name !== model.input)];
  const made = differentiateAll(model, { wrt, of: model.output, keep });
  const units = model.infos.get(model.output)!.dims[1]!;
  const seeded = withSeed(made.graph, made.seed, model.output, units, head);
  return { ...seeded, gradients: made.gradients };
}

/**
 * What backward rules put in the place of the gradient with respect to the image, and the scores.
 * @throws CtXaiError OPERATOR where they have no meaning for the model, USAGE where there are no such rules
 */
export function rulesProgram(model: NormalisedModel, head: Head, rules: BackwardRules): Program {
  const made = differentiateAll(model, { wrt: [model.input], of: model.output, keep: [model.output], rules });
  const units = model.infos.get(model.output)!.dims[1]!;
  const { graph, seed, gradients, sums, notes, reference } = made;
  const seeding = ruleSetOf(rules)?.seeding;
  const seeded = withSeed(graph, seed, model.output, units, head, {
    ...(seeding ? { seeding } : {}),
    ...(reference ? { reference: reference.scores } : {}),
  });
  return { ...seeded, gradients, notes, ...(sums ? { sums } : {}), ...(reference ? { reference } : {}) };
}

/** Image → values of tensors; what lies behind them is not computed. */
export function activationsProgram(model: NormalisedModel, tensors: readonly string[]): Program {
  return { graph: upTo(simplify(model, tensors), tensors) };
}

function upTo({ graph, infos }: NormalisedModel, tensors: readonly string[]): Graph {
  const outputs = tensors.map(name => ({ name, ...infos.get(name)! }));
  return pruned({ ...graph, outputs }, tensors);
}

/** A network from one layer on. */
export interface ContinuationProgram extends Program {
  /** Tensors that follow from the image, not from the layer, and that the rest needs: each with its input of the graph. */
  readonly sides: readonly { readonly tensor: string; readonly input: string }[];
  /** Computes the sides but the image itself; absent where there are none. */
  readonly before?: Program;
}

/**
 * Values of a layer, and what else the rest needs of the image → scores. The sides are fed once, as those of one image,
 * and are repeated for each row of the batch; where the model's batch is fixed, they are fed as often.
 * @throws CtXaiError LAYER where the scores do not follow from the layer
 */
export function continuationProgram(model: NormalisedModel, layer: string): ContinuationProgram {
  const simple = simplify(model, [layer]);
  const { nodes, sides } = behind(simple, layer);
  const { infos, graph, input } = simple;
  const builder = builderFor(graph, infos.keys());
  const inputs: ValueInfo[] = [{ name: layer, ...infos.get(layer)! }];
  const fed = sides.map(tensor => {
    const info = infos.get(tensor)!;
    if (info.dims[0] !== null) {
      inputs.push({ name: tensor, ...info });
      return { tensor, input: tensor };
    }
    const name = builder.fresh('side');
    inputs.push({ name, dtype: info.dtype, dims: [1, ...info.dims.slice(1)] });
    const count = builder.op('Shape', [layer], { start: attr.int(0), end: attr.int(1) });
    const ones = builder.ints(info.dims.slice(1).map(() => 1));
    const shape = builder.op('Concat', [count, ones], { axis: attr.int(0) });
    builder.push({ ...bare('Expand', builder.fresh('Expand')), inputs: [name, shape], outputs: [tensor] });
    return { tensor, input: name };
  });
  const given = new Set([layer, ...sides]);
  for (const node of nodes) builder.push(withoutOutputs(node, given, builder));
  const whole: Graph = {
    opset: graph.opset,
    nodes: builder.nodes,
    constants: new Map([...graph.constants, ...builder.constants]),
    inputs,
    outputs: [{ name: simple.output, ...infos.get(simple.output)! }],
  };
  const computed = sides.filter(name => name !== input);
  return {
    graph: pruned(whole, [simple.output]),
    sides: fed,
    ...(computed.length > 0 ? { before: { graph: upTo(simple, computed) } } : {}),
  };
}

function bare(op: string, name: string): Omit<Node, 'inputs' | 'outputs'> {
  return { op, domain: '', name, attrs: {} };
}

/** A node that makes given tensors beside something else that is needed: they keep the values that are given. */
function withoutOutputs(node: Node, given: ReadonlySet<string>, builder: GraphBuilder): Node {
  if (!node.outputs.some(name => given.has(name))) return node;
  return { ...node, outputs: node.outputs.map(name => (given.has(name) ? builder.fresh('unused') : name)) };
}

/**
 * The nodes that the scores need when a layer is given, in graph order, and the tensors at which the walk back from the
 * scores can stop since they do not follow from the layer: as late as possible, so that little is computed again.
 */
function behind(model: NormalisedModel, layer: string): { nodes: readonly Node[]; sides: readonly string[] } {
  const { graph, infos, input, output } = model;
  const made = producers(graph);
  const varying = dependents(graph, [input]);
  const following = dependents(graph, [layer]);
  if (!following.has(output)) {
    throw new CtXaiError('LAYER', `the scores do not follow from the values of layer '${layer}'.`, {
      hint: 'Choose a layer between the image and the scores.',
    });
  }
  const batched = batchTensors(model);
  const isSide = (name: string) =>
    name === input ||
    (varying.has(name) && !following.has(name) && batched.has(name) && infos.get(name)?.dtype === DType.float);
  const seen = new Set<string>([layer]);
  const kept = new Set<Node>();
  const sides: string[] = [];
  const open = [output];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    if (isSide(name)) {
      sides.push(name);
      continue;
    }
    const node = made.get(name);
    if (!node || kept.has(node)) continue;
    kept.add(node);
    open.push(...readBy(node));
  }
  return { nodes: graph.nodes.filter(node => kept.has(node)), sides };
}
