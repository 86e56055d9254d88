import { CtXaiError } from '../../../core/errors.ts';
import { type Tensor, tensor } from '../../../core/tensor.ts';
import { toChannelsFirst } from '../../shared/images.ts';
import type { Layer, LayerMap, Layout } from '../../shared/layer-map.ts';
import type { Head } from '../../shared/scores.ts';
import { Emitter } from '../autodiff/emit.ts';
import { attr, constant, DType, type Graph, type GraphBuilder, type Node } from '../graph/graph.ts';
import { renamed } from '../graph/rename.ts';
import { builderFor, pruned } from '../graph/walk.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import type { Headed } from '../load/tail.ts';
import { gradientProgram, type Program, rulesProgram } from '../session/programs.ts';
import { MODES } from '../session/seed.ts';
import { type LayerHead, MAP_HEADS, type MapHead, type MapOptions } from './map-heads.ts';
import { pathBatch } from './path-batch.ts';

/** Which map a model is to give out beside its scores. */
export interface MapRecipe {
  /** A name of `MAP_HEADS`. */
  readonly explainer: string;
  /** All its options. */
  readonly options: MapOptions;
  /** Of class activation maps: the layer's tensor. */
  readonly layer?: string;
  /** [h, w, c] in input space, where the explainer compares with one. */
  readonly baseline?: Tensor;
  /** The class explained; absent: the predicted one, image by image. */
  readonly class?: number;
  /** Where the explainer integrates: points on the way from the baseline, 0 … 1, and their weights. */
  readonly path?: { readonly nodes: Float64Array; readonly weights: Float64Array };
}

/** A layer whose values lie over the image's pixels. */
type SpatialLayer = Pick<Layer, 'name' | 'shape' | 'skipped'> & {
  readonly layout: Layout;
  /** Whether its pixels lie in one axis, as tokens. */
  readonly tokens: boolean;
};

/** What the new file keeps of the old one. */
export interface Frame {
  readonly size: readonly [number, number];
  readonly layout: Layout;
  /** The output of the file. */
  readonly emitted: {
    readonly name: string;
    readonly dims: readonly (number | null)[];
    /** Whether its softmax or sigmoid was cut off, so that the scores are not what it gives out. */
    readonly cut: boolean;
  };
}

/**
 * The graph of a model and a map: one input, the image; outputs, what the file gave out, and the map [n, h, w].
 * @throws CtXaiError OPERATOR or LAYER where the model cannot be explained so
 */
export function explainedGraph(headed: Headed, layers: LayerMap, asked: MapRecipe, frame: Frame): Graph {
  const { model, head } = headed;
  const recipe = asked.baseline ? { ...asked, baseline: laidOut(asked.baseline, frame.layout) } : asked;
  const made = MAP_HEADS[recipe.explainer]!;
  const layer = made.at === 'layer' ? spatialLayer(headed.model, layers, recipe.layer) : undefined;
  // The scores can be an output as they are, unless they are made into something else.
  const kept = made.at !== 'path' && !frame.emitted.cut && model.output === frame.emitted.name;
  const { program, inner } = withFreeNames(
    programOf(headed, made, recipe.options, layer?.name),
    kept ? ['map'] : [frame.emitted.name, 'map'],
  );
  const { graph } = program;
  const raw = inner(model.output);
  const builder = builderFor(graph);
  const e = new Emitter(builder, DType.float);
  const channelAxis = (of: Layout) => (of === 'NCHW' ? 1 : 3);

  // Before the model: the points of a path, each an image of the batch; or the reference image, once for each.
  const image = graph.inputs.find(i => i.name === model.input)!;
  const path = made.at === 'path' ? pathBatch(e, image, recipe) : undefined;
  const reference = program.reference && e.op('Expand', [baselineOf(e, recipe, image), e.shapeOf(image.name)]);
  const before = taken(builder);

  // Before the backward pass: the class, of the scores.
  const scores = path ? path.first(raw) : raw;
  const target = targetOf(e, scores, head, model.infos.get(model.output)!.dims[1]!, recipe.class);
  const seeded = path ? path.forEach(target) : target;
  const mode = builder.constant(constant.float([2], MODES[recipe.options.score]));
  const between = taken(builder);

  // Behind it: the map, and what the file gave out.
  const gradient = program.gradients[0]!;
  const map =
    made.at === 'layer'
      ? layerMap(e, made, { ...layer!, name: inner(layer!.name), gradient }, recipe, frame)
      : path
        ? path.map(gradient, channelAxis(frame.layout))
        : made.at === 'image'
          ? made.map(
              e,
              { gradient, difference: differenceOf(e, made, recipe, image), channelAxis: channelAxis(frame.layout) },
              recipe.options,
            )
          : '';
  const batch = image.dims[0] ?? null;
  const outputs = [
    { name: emit(e, headed, scores, frame), dtype: DType.float, dims: frame.emitted.dims },
    { name: 'map', dtype: DType.float, dims: [batch, ...frame.size] },
  ];
  builder.push(bare('Reshape', 'map', [map, e.ints([batch ?? -1, ...frame.size])], ['map']));

  const fed = new Map([
    [program.target!, seeded],
    [program.mode!, mode],
    ...(path ? [[model.input, path.images] as const] : []),
    ...(reference ? [[program.reference!.image, reference] as const] : []),
  ]);
  const body = renamed({ ...graph, inputs: [], outputs: [] }, fed).nodes;
  const at = body.findIndex(n => n.inputs.includes(seeded));
  const nodes = [...before, ...body.slice(0, at), ...between, ...body.slice(at), ...taken(builder)];
  const { shapes, ...rest } = graph;
  const whole: Graph = {
    ...rest,
    nodes,
    constants: new Map([...graph.constants, ...builder.constants]),
    inputs: [image],
    outputs,
    // With a path the batch inside is another one.
    ...(shapes && !path ? { shapes } : {}),
  };
  return pruned(
    whole,
    outputs.map(o => o.name),
  );
}

function programOf({ model, head }: Headed, made: MapHead, options: MapOptions, layer: string | undefined): Program {
  if (made.at === 'layer') return gradientProgram(model, head, [layer!]);
  if (made.at === 'image' && made.rules) return rulesProgram(model, head, made.rules(options));
  return gradientProgram(model, head, [model.input]);
}

function spatialLayer(model: NormalisedModel, layers: LayerMap, name: string | undefined): SpatialLayer {
  const found = name === undefined ? layers.cam : layers.find(name);
  if (found?.layout) {
    const tokens = model.infos.get(found.name)!.dims.length === 3;
    return { ...found, layout: found.layout, tokens };
  }
  throw new CtXaiError(
    'LAYER',
    found ? `layer '${found.name}' has no pixels: its shape is [${found.shape}].` : 'the model has no spatial layer.',
    { hint: "Choose another with --option layer=NAME; 'ct-xai explain --list-layers' lists them." },
  );
}

/** The program with its inner tensors out of the way of outputs' names; `inner` says what a tensor is called in it. */
function withFreeNames(program: Program, outputs: readonly string[]) {
  const fresh = builderFor(program.graph);
  const names = new Map(outputs.map(name => [name, fresh.fresh('inner')]));
  const inner = (name: string) => names.get(name) ?? name;
  const gradients = program.gradients!.map(inner);
  return { program: { ...program, graph: renamed(program.graph, names), gradients }, inner };
}

/** [n, k]: 1 at the class explained; for one sigmoid unit [n, 1], 1 for the positive class and −1 for the other. */
function targetOf(e: Emitter, scores: string, head: Head, units: number, fixed: number | undefined): string {
  if (head.task === 'sigmoid') {
    if (fixed !== undefined) return e.filled(e.shapeOf(scores), fixed === 1 ? 1 : -1);
    return e.where(e.greater(scores, head.values === 'probabilities' ? 0.5 : 0), 1, -1);
  }
  if (fixed !== undefined) {
    const row = e.constant(
      [1, units],
      Array.from({ length: units }, (_, c) => (c === fixed ? 1 : 0)),
    );
    return e.op('Expand', [row, e.shapeOf(scores)]);
  }
  const top = e.op('ArgMax', [scores], { axis: attr.int(1), keepdims: attr.int(1) });
  const classes = e.builder.constant(
    constant.int64(
      [1, units],
      Array.from({ length: units }, (_, c) => c),
    ),
  );
  return e.cast(e.op('Equal', [top, classes]));
}

/** The signed map of a layer through ReLU, where the explainer has one, and enlarged. */
function layerMap(
  e: Emitter,
  made: LayerHead,
  layer: SpatialLayer & { readonly gradient: string },
  { options }: MapRecipe,
  { size }: Frame,
): string {
  const first = layer.layout === 'NCHW';
  const [h = 1, w = 1] = layer.shape;
  const coarse = made.coarse(
    e,
    {
      activations: overPixels(e, layer, layer.name),
      gradients: overPixels(e, layer, layer.gradient),
      channelAxis: first ? 1 : 3,
      spatialAxes: first ? [2, 3] : [1, 2],
    },
    options,
  );
  const signed = e.op('Reshape', [coarse, e.ints([-1, 1, h, w])]);
  const kept = made.relu(options) ? e.op('Relu', [signed]) : signed;
  const batch = e.op('Shape', [kept], { start: attr.int(0), end: attr.int(2) });
  const how = options.interpolation ?? 'bilinear';
  return e.op('Resize', [kept, '', '', e.concat([batch, e.ints(size)], 0)], {
    mode: attr.string(how === 'bilinear' ? 'linear' : 'nearest'),
    coordinate_transformation_mode: attr.string(how === 'nearest-corner' ? 'asymmetric' : 'half_pixel'),
    ...(how === 'nearest' ? { nearest_mode: attr.string('round_prefer_ceil') } : {}),
    ...(how === 'nearest-corner' ? { nearest_mode: attr.string('floor') } : {}),
  });
}

/** A layer's values as rows and columns: tokens are laid out over the image, without those that belong to no pixel. */
function overPixels(e: Emitter, { tokens, layout, shape, skipped = 0 }: SpatialLayer, values: string): string {
  if (!tokens) return values;
  const [h, w, c] = shape as [number, number, number];
  // 0 copies the number of images.
  if (layout === 'NCHW') return e.op('Reshape', [values, e.ints([0, c, h, w])]);
  const pixels = skipped === 0 ? values : e.slice(values, [1], [skipped / c], [skipped / c + h * w]);
  return e.op('Reshape', [pixels, e.ints([0, h, w, c])]);
}

/** x − b, where the explainer has a baseline. */
function differenceOf(e: Emitter, made: MapHead, recipe: MapRecipe, image: Graph['inputs'][number]): string {
  if (made.at !== 'image' || !made.baseline) return image.name;
  return e.sub(image.name, baselineOf(e, recipe, image));
}

/** [h, w, c] as the file has its images. */
function laidOut(image: Tensor, layout: Layout): Tensor {
  const [h = 1, w = 1, c = 1] = image.shape;
  if (layout === 'NHWC') return image;
  const first = tensor([c, h, w]);
  toChannelsFirst(image.data, first.data, h * w, c);
  return first;
}

/** The baseline as a batch of one. */
function baselineOf(e: Emitter, { baseline }: MapRecipe, image: Graph['inputs'][number]): string {
  return e.constant([1, ...(image.dims.slice(1) as number[])], baseline!.data);
}

/** What the file gave out, of the scores: behind its softmax or sigmoid, and of its shape. */
function emit(e: Emitter, { tail }: Headed, scores: string, { emitted }: Frame): string {
  if (scores === emitted.name) return scores;
  const attrs = tail?.op === 'Sigmoid' ? {} : { axis: attr.int(-1) };
  const shown = emitted.cut ? e.op(tail!.op, [scores], attrs) : scores;
  const dims = emitted.dims.map((d, i) => (i === 0 ? (d ?? -1) : d!));
  e.builder.push(bare('Reshape', 'scores', [shown, e.ints(dims)], [emitted.name]));
  return emitted.name;
}

function bare(op: string, name: string, inputs: readonly string[], outputs: readonly string[]): Node {
  return { op, domain: '', name: `ctxai/${name}`, inputs, outputs, attrs: {} };
}

/** Takes the nodes out that were added since the last time. */
function taken(builder: GraphBuilder): Node[] {
  return builder.nodes.splice(0);
}
