import { sizeOf } from '../../../core/tensor.ts';
import type { PixelGrids } from '../layers/measure-grids.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { isInner, type Node, read } from './graph.ts';
import { fileNodeOf } from './sound.ts';
import { dependents, producers } from './walk.ts';

/** The self-attention of a vision transformer, as far as its graph tells. */
export interface AttentionStructure {
  /** softmax(QKᵀ) of each block, [n, heads, tokens, tokens] or [n · heads, tokens, tokens], from image to scores. */
  readonly tensors: readonly string[];
  readonly tokens: number;
  /** Rows and columns of the patches that the tokens were made of. */
  readonly grid: readonly [number, number];
  /** Tokens beside the patches: class token, registers. */
  readonly extraTokens: number;
}

/** Products of two tensors. */
const PRODUCTS: ReadonlySet<string> = new Set(['MatMul', 'Einsum']);

/** What may stand between a product of queries and keys and its softmax: scales, masks, biases, caps. */
const SCORING: ReadonlySet<string> = new Set([
  ...['Mul', 'Div', 'Add', 'Sub', 'Where', 'Tanh', 'Clip', 'Min', 'Max', 'Cast', 'Identity', 'Reshape'],
]);

/** What may stand between the softmax and the product with the values. */
const PASSING: ReadonlySet<string> = new Set(['Where', 'Cast', 'Identity', 'Reshape', 'Dropout']);

/** Class tokens and registers are few; more tokens than that are no longer the patches with something beside them. */
const MOST_EXTRA = 16;

/**
 * Finds softmax(QKᵀ) wherever it weighs values: a softmax over the last axis, of a product of two tensors that both
 * follow from the image, and itself a factor of a product. Attention operators are such products by then.
 * @returns or the reason why there is none that can be laid on the image, as a sentence
 */
export function attentionOf(model: NormalisedModel, grids: PixelGrids): AttentionStructure | string {
  const { graph, infos, values } = model;
  const made = producers(graph);
  const varying = dependents(graph, [model.input]);
  const order = new Map(graph.nodes.map((node, i) => [node, i]));
  const varies = (name: string) => name !== '' && varying.has(name) && !values.has(name);
  /** The node of a kind that a tensor comes from, through nodes that may lie between. */
  const back = (name: string, wanted: (node: Node) => boolean, between: ReadonlySet<string>): Node | undefined => {
    const node = made.get(name);
    if (!node || wanted(node)) return node;
    if (!between.has(node.op)) return undefined;
    for (const source of node.inputs.filter(varies)) {
      const found = back(source, wanted, between);
      if (found) return found;
    }
    return undefined;
  };
  const overLast = (node: Node) => {
    const rank = infos.get(node.outputs[0]!)!.dims.length;
    return node.op === 'Softmax' && [-1, rank - 1].includes(read.int(node, 'axis', -1));
  };
  const ofTwo = (node: Node) => PRODUCTS.has(node.op) && node.inputs.filter(varies).length === 2;

  const found = new Map<string, { readonly first: Node; readonly at: string }>();
  for (const node of graph.nodes.filter(ofTwo)) {
    for (const name of node.op === 'MatMul' ? node.inputs.slice(0, 1) : node.inputs) {
      const softmax = back(name, overLast, PASSING);
      const product = softmax && back(softmax.inputs[0]!, ofTwo, SCORING);
      if (product) found.set(name, { first: product, at: softmax.name });
    }
  }
  if (found.size === 0)
    return 'the model has no self-attention: no softmax of a product of queries and keys weighs values.';

  const sizes = new Set<number>();
  for (const [name, { at }] of found) {
    const [queries, keys] = infos.get(name)!.dims.slice(-2);
    const node = isInner(at) ? fileNodeOf(graph, at) : at;
    const attention = `its attention${node === undefined ? '' : ` at node '${node}'`}`;
    if (typeof queries !== 'number') return `${attention} is among images, not among the tokens of one image.`;
    if (queries !== keys) {
      return `${attention} is of ${queries} queries to ${keys ?? 'a varying number of'} keys, not of all tokens to all tokens.`;
    }
    sizes.add(queries);
  }
  const [tokens = 0, other] = sizes;
  if (other !== undefined) {
    return `its attention blocks have ${[...sizes].join(', ')} tokens: there is no single grid of tokens on the image.`;
  }
  const grid = patchGrid([...found.values()][0]!.first);
  if (!grid) return `it is not seen how its ${tokens} tokens lie on the image.`;
  const extraTokens = tokens - sizeOf(grid);
  if (extraTokens < 0 || extraTokens > MOST_EXTRA) {
    return `its attention is among ${tokens} tokens, as in windows, not among all ${grid.join(' × ')} patches.`;
  }
  return { tensors: [...found.keys()], tokens, grid, extraTokens };

  /** The last tensor with pixels before a node. */
  function patchGrid(before: Node): readonly [number, number] | undefined {
    const seen = new Set<Node>();
    const open: Node[] = [before];
    let last: { readonly at: number; readonly grid: readonly [number, number] } | undefined;
    for (let node = open.pop(); node; node = open.pop()) {
      if (seen.has(node)) continue;
      seen.add(node);
      for (const name of node.inputs.filter(varies)) {
        const shape = grids.get(name);
        const source = made.get(name);
        const at = source ? order.get(source)! : -1;
        if (typeof shape === 'object') {
          if (!last || at > last.at) last = { at, grid: [shape.height, shape.width] };
        } else if (source) open.push(source);
      }
    }
    return last?.grid;
  }
}
