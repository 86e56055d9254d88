import type { Layout } from '../../shared/layer-map.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { type Constant, DType, type Node, read } from './graph.ts';

/** Operators that ONNX defines on [n, c, h, w]. */
const CHANNELS_FIRST: ReadonlySet<string> = new Set([
  'Conv',
  'ConvTranspose',
  'MaxPool',
  'AveragePool',
  'LpPool',
  'GlobalAveragePool',
  'GlobalMaxPool',
  'GlobalLpPool',
  'BatchNormalization',
  'InstanceNormalization',
  'GroupNormalization',
  'LRN',
  'DepthToSpace',
  'SpaceToDepth',
]);

/** Operators that move dimensions about in ways that are not followed. */
const OPAQUE: ReadonlySet<string> = new Set([
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Gather',
  'GatherND',
  'Einsum',
]);

/**
 * Which of the model's image-like tensors are channels first and which channels last, as far as it can be told: from
 * the operators that are defined on one, followed through the others in both directions.
 */
export function layouts(model: NormalisedModel, input: Layout): Map<string, Layout> {
  const known = new Map<string, Layout>([[model.input, input]]);
  const imageLike = (name: string) => {
    const info = model.infos.get(name);
    return info?.dtype === DType.float && info.dims.length === 4;
  };
  const set = (name: string, layout: Layout | undefined) => {
    if (layout && imageLike(name) && !known.has(name)) known.set(name, layout);
  };
  const { nodes } = model.graph;
  const spread = () => {
    for (let before = -1; known.size > before; ) {
      before = known.size;
      for (const node of nodes) {
        const layout = outputLayout(node, known, model.values);
        for (const name of node.outputs) set(name, layout);
      }
      for (const node of nodes.toReversed()) {
        const sources = carriers(node, model.values).filter(imageLike);
        const layout = inputLayout(node, known);
        for (const name of sources) set(name, layout);
      }
    }
  };
  spread();
  // Stages that hang together by reshapes only (Swin's patch merging): LayerNormalization works on the last dimension.
  const [, a, b, c] = model.infos.get(model.input)!.dims as readonly number[];
  const [height, width] = input === 'NCHW' ? [b!, c!] : [a!, b!];
  for (const { op, inputs } of nodes) {
    const name = inputs[0]!;
    const [, h, w] = model.infos.get(name)?.dims ?? [];
    if (op !== 'LayerNormalization' || !imageLike(name) || known.has(name) || h == null || w == null) continue;
    // Attention's [n, heads, tokens, d] have not the image's aspect.
    if (Math.abs(h * width - w * height) >= Math.max(height, width)) continue;
    set(name, 'NHWC');
    spread();
  }
  return known;
}

/** The inputs whose layout is the output's. */
function carriers(node: Node, values: ReadonlyMap<string, Constant>): readonly string[] {
  if (node.domain !== '' || OPAQUE.has(node.op)) return [];
  if (CHANNELS_FIRST.has(node.op) || node.op === 'Transpose') return node.inputs.slice(0, 1);
  // A linear layer works on the last dimension; attention's products of two activations have no image layout.
  if (node.op === 'MatMul') return values.has(node.inputs[1]!) ? node.inputs.slice(0, 1) : [];
  return node.inputs.filter(name => name !== '' && !values.has(name));
}

function outputLayout(
  node: Node,
  known: ReadonlyMap<string, Layout>,
  values: ReadonlyMap<string, Constant>,
): Layout | undefined {
  if (node.domain === '' && CHANNELS_FIRST.has(node.op)) return 'NCHW';
  for (const name of carriers(node, values)) {
    const layout = known.get(name);
    if (layout) return node.op === 'Transpose' ? transposed(node, layout) : layout;
  }
  return undefined;
}

function inputLayout(node: Node, known: ReadonlyMap<string, Layout>): Layout | undefined {
  if (node.domain === '' && CHANNELS_FIRST.has(node.op)) return 'NCHW';
  const layout = known.get(node.outputs[0]!);
  if (node.op !== 'Transpose' || !layout) return layout;
  return (['NCHW', 'NHWC'] as const).find(l => transposed(node, l) === layout);
}

function transposed(node: Node, layout: Layout): Layout | undefined {
  const perm = read.ints(node, 'perm');
  if (perm?.length !== 4 || perm[0] !== 0) return undefined;
  const channels = perm.indexOf(layout === 'NCHW' ? 1 : 3);
  return channels === 1 ? 'NCHW' : channels === 3 ? 'NHWC' : undefined;
}

/** Height, width and channels of an image-like tensor of more than one pixel; undefined for all others. */
export function spatialShape(
  model: NormalisedModel,
  known: ReadonlyMap<string, Layout>,
  name: string,
): { readonly h: number; readonly w: number; readonly c: number; readonly layout: Layout } | undefined {
  const layout = known.get(name);
  const dims = model.infos.get(name)?.dims;
  if (!layout || !dims) return undefined;
  const [, a, b, d] = dims;
  if (typeof a !== 'number' || typeof b !== 'number' || typeof d !== 'number') return undefined;
  const [h, w, c] = layout === 'NCHW' ? [b, d, a] : [a, b, d];
  return h * w > 1 ? { h, w, c, layout } : undefined;
}
