import type { BackwardRules } from '../../../core/contracts/index.ts';
import { CtXaiError, nearest } from '../../../core/errors.ts';
import { DType, type DTypeCode, type Graph, type Node, type TensorInfo, type ValueInfo } from '../graph/graph.ts';
import { builderFor, producers } from '../graph/walk.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { batchTensors } from './batch-tensors.ts';
import { Emitter } from './emit.ts';
import { flippedInGraph } from './flipped.ts';
import { optimise, simplify } from './optimise/index.ts';
import { FLOATING, findPath, type Path, trace } from './path.ts';
import { asOneOperator } from './rule-sets/activations.ts';
import { type RuleSet, ruleSetOf } from './rule-sets/index.ts';
import { copyForReference } from './rule-sets/reference-copy.ts';
import { Sums } from './rule-sets/sums.ts';
import { ruleOf } from './rules/index.ts';
import { Site, type SiteContext } from './site.ts';
import { unrolled } from './unroll/index.ts';
import { operatorOf, whyNone } from './without-rule.ts';

export interface GradientRequest {
  /** The tensor that the derivative is with respect to: the image, or a layer. */
  readonly wrt: string;
  /** The scores, [n, k]. */
  readonly of: string;
  /** Tensors that the graph gives out besides. */
  readonly keep?: readonly string[];
  /** What stands in the place of derivatives. Default: nothing does. */
  readonly rules?: BackwardRules;
}

export interface GradientGraph {
  /** Inputs: the model's, the reference image where the rules need one, then the seed. Outputs: the gradient, the sums, then the kept tensors. */
  readonly graph: Graph;
  /** The input [n, k]: d score / d `of`. */
  readonly seed: string;
  /** The output in the shape of `wrt`: Σ_k seed_k · d of_k / d wrt, or what the rules put in its place. */
  readonly gradient: string;
  /** Of rules that compare with a reference image: the input for it, and the tensor of its scores. */
  readonly reference?: { readonly image: string; readonly scores: string };
  /** Of rules that report sums: the output [n, names]. */
  readonly sums?: { readonly output: string; readonly names: readonly string[] };
  /** What the rules left out, in words. */
  readonly notes: readonly string[];
}

/**
 * The model's graph extended by reverse-mode differentiation, in ordinary operators: what lies between the inputs,
 * the kept tensors and the gradient, and nothing else.
 *
 * At kinks the derivative is PyTorch's: 0 for ReLU at 0, and see the rules for others.
 *
 * @throws CtXaiError LAYER for unknown tensors or where `of` doesn't depend on `wrt`; OPERATOR where a node between
 * them has no rule.
 */
export function differentiate(model: NormalisedModel, request: GradientRequest): GradientGraph {
  const { gradients, ...rest } = differentiateAll(model, { ...request, wrt: [request.wrt] });
  return { ...rest, gradient: gradients[0]! };
}

type ManyRequest = Omit<GradientRequest, 'wrt'> & { readonly wrt: readonly string[] };
type ManyGradients = Omit<GradientGraph, 'gradient'> & { readonly gradients: readonly string[] };

/** The same with respect to several tensors at once (the parameters in training): one gradient for each. */
export function differentiateAll(model: NormalisedModel, request: ManyRequest): ManyGradients {
  const keep = [...new Set(request.keep ?? [])];
  const asked = [...request.wrt, request.of, ...keep];
  for (const name of asked) requireTensor(model, name);
  const set = ruleSetOf(request.rules);
  const plain = unrolled(model);
  const start = set?.rewrite ? set.rewrite(plain) : plain;
  return differentiated(simplify(start, asked, { reorder: set === undefined }), { ...request, keep }, set);
}

function differentiated(
  model: NormalisedModel,
  request: Omit<ManyRequest, 'keep'> & { readonly keep: readonly string[] },
  set: RuleSet | undefined,
): ManyGradients {
  const { graph } = model;
  const values = new Map(model.values);
  const infos = new Map(model.infos);
  const { keep } = request;
  const path = findPath(model, request.wrt, request.of);

  const builder = builderFor(graph, infos.keys());
  const forward = new Map<Node, Node>(graph.nodes.map(node => [node, node]));
  const makers = producers(graph);
  const copy = set?.reference ? copyForReference(model, builder) : undefined;
  const context: SiteContext = {
    infos,
    values,
    producer: (name: string) => makers.get(name),
    reference: (name: string) => copy?.names.get(name) ?? name,
    describe(name, { dtype, dims }, value) {
      if (!infos.has(name)) infos.set(name, { dtype, dims });
      if (value) values.set(name, value);
    },
    exposed: (node: Node) => path.exposed.has(node),
    straightThrough: model.straightThrough ?? false,
    extend(node: Node, index: number): string {
      const current = forward.get(node) ?? node;
      const existing = current.outputs[index];
      if (existing) return existing;
      const outputs = Array.from({ length: Math.max(index + 1, current.outputs.length) }, (_, i) =>
        i === index ? builder.fresh(`${node.op.toLowerCase()}_out${index}`) : (current.outputs[i] ?? ''),
      );
      forward.set(node, { ...current, outputs });
      return outputs[index]!;
    },
  };

  /** The type of gradients with respect to a tensor: its own, or float32 for quantised integers. */
  const typeOf = (name: string): DTypeCode => {
    const { dtype } = infos.get(name)!;
    return FLOATING.has(dtype) ? dtype : DType.float;
  };
  const batch = batchTensors(model);
  const shapes = new Map<string, TensorInfo>();
  /** `g` has the shape of `name`: noted where ONNX Runtime could lose it. */
  const shaped = (g: string, name: string): string => {
    const { dims } = infos.get(name)!;
    if (!dims.includes(null) || batch.has(name)) shapes.set(g, { dtype: typeOf(name), dims });
    return g;
  };

  const seed = builder.fresh('seed');
  const sums = new Sums(builder, seed, batch);
  const terms = new Map<string, string[]>([[request.of, [seed]]]);
  const totals = new Map<string, string>();
  const gradientOf = (name: string): string | undefined => {
    const known = totals.get(name);
    const parts = terms.get(name);
    if (known !== undefined || parts === undefined) return known;
    const total = shaped(new Emitter(builder, typeOf(name)).total(parts), name);
    totals.set(name, total);
    return total;
  };

  const notes: string[] = [];
  const view = set ? asOneOperator(path.nodes, model) : { nodes: path.nodes, ruleOf };
  const network = { model, path: { ...path, nodes: view.nodes }, seed, note: (text: string) => notes.push(text), sums };
  const replaced = set?.rulesFor(network);
  for (const node of view.nodes.toReversed()) {
    const gradients = node.outputs.map(name => (name === '' ? undefined : gradientOf(name)));
    if (gradients.every(g => g === undefined)) continue;
    const standard = view.ruleOf(node);
    const rule = replaced?.(node, standard) ?? standard ?? missingRule(node, path, model, request.of);
    const dtype = typeOf(node.outputs[gradients.findIndex(g => g !== undefined)]!);
    const site = new Site(node, new Emitter(builder, dtype), gradients, context);
    if (!rule.manyOutputs && gradients.some((g, i) => i > 0 && g !== undefined)) {
      site.fail('the score depends on a secondary output');
    }
    const inputGradients = rule.differentiate(site);
    node.inputs.forEach((name, i) => {
      if (!path.tensors.has(name)) return;
      const emit = inputGradients[i] ?? site.fail(`there is no derivative with respect to its input ${i} ('${name}')`);
      const term = emit();
      if (term === undefined) return;
      const list = terms.get(name) ?? [];
      list.push(shaped(term, name));
      terms.set(name, list);
    });
  }

  const gradients = request.wrt.map(name => {
    const found = gradientOf(name) ?? new Emitter(builder, typeOf(name)).filledLike(name);
    // An output of its own: never the seed, never a tensor that is also kept.
    const gradient = builder.fresh('gradient');
    builder.push({ op: 'Identity', domain: '', name: gradient, inputs: [found], outputs: [gradient], attrs: {} });
    return gradient;
  });
  const valueInfo = (name: string, as: string): ValueInfo => {
    const { dtype, dims } = infos.get(name)!;
    return { name: as, dtype, dims };
  };
  const reported = sums.emit();
  const copied = copy ? { image: copy.names.get(model.input)!, scores: copy.names.get(request.of)! } : undefined;
  return {
    graph: flippedInGraph(
      optimise({
        opset: graph.opset,
        nodes: [...forward.values(), ...(copy?.nodes ?? []), ...builder.nodes],
        constants: new Map([...model.values, ...graph.constants, ...builder.constants]),
        inputs: [
          ...graph.inputs,
          ...(copied ? [valueInfo(model.input, copied.image)] : []),
          valueInfo(request.of, seed),
        ],
        outputs: [
          ...request.wrt.map((name, i) => valueInfo(name, gradients[i]!)),
          ...(copied ? [valueInfo(request.of, copied.scores)] : []),
          ...(reported
            ? [{ ...infos.get(request.of)!, name: reported.output, dims: [null, reported.names.length] }]
            : []),
          ...keep.map(name => valueInfo(name, name)),
        ],
        shapes,
      }),
    ),
    seed,
    gradients,
    ...(copied ? { reference: copied } : {}),
    ...(reported ? { sums: reported } : {}),
    notes,
  };
}

function requireTensor(model: NormalisedModel, name: string): void {
  if (model.infos.has(name)) return;
  const near = nearest(name, [...model.infos.keys()]);
  throw new CtXaiError('LAYER', `the model has no tensor '${name}'.`, near ? { hint: `Did you mean '${near}'?` } : {});
}

function missingRule(node: Node, path: Path, model: NormalisedModel, of: string): never {
  const operator = `operator ${operatorOf(node)} at node '${node.name}'`;
  const why = whyNone(node, model);
  const what = why === undefined ? 'has no differentiation rule' : `can't be differentiated: ${why}`;
  throw new CtXaiError('OPERATOR', `${operator} ${what}; it lies on the path ${trace(path, model, node, of)}.`, {
    hint: 'Use methods that need scores only, a layer behind it, or export the model without this operator.',
  });
}
