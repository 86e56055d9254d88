import type { ModelCard } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import type { LayerMap } from '../../shared/layer-map.ts';
import { supportedCard } from '../../shared/supported-card.ts';
import type { Graph } from '../graph/graph.ts';
import { encodeModel } from '../graph/proto.ts';
import { findLayers } from '../layers/find-layers.ts';
import { layersOf } from '../layers/layers-of.ts';
import { loadModel, type NormalisedModel } from '../load/load-model.ts';
import { atHead } from '../load/tail.ts';
import { OnnxPool } from '../session/onnx-pool.ts';
import { explainedGraph, type MapRecipe } from './explained-graph.ts';

export type { MapRecipe } from './explained-graph.ts';

/** An ordinary ONNX file of a model with its heat map. */
export interface ExplainedModel {
  readonly bytes: Uint8Array;
  readonly input: string;
  /** The output that the model had, as it was. */
  readonly scores: string;
  /** The output [n, h, w]: the map, signed and not normalised; zero where the explainer has none. */
  readonly map: string;
  readonly opset: number;
  /** Whether any number of images can be given at once; else only this many. */
  readonly batch: 'any' | number;
}

/**
 * The model with the map of an explainer as a second output. The map's class is the predicted one, chosen in the graph
 * for each image, or a fixed one. Operators are those of the standard domain.
 * @param metadata said in the file
 * @throws CtXaiError OPERATOR or LAYER where the model cannot be explained so; MODEL where it has operators of others
 */
export async function explainedModel(
  asked: ModelCard,
  recipe: MapRecipe,
  metadata: Readonly<Record<string, string>> = {},
): Promise<ExplainedModel> {
  const card = supportedCard(asked);
  const { size, channels, layout } = card.input;
  const loaded = await loadModel(undefined, {
    ...{ file: card.file, size, channels, layout },
    classes: card.task === 'sigmoid' ? 1 : card.classes.length,
    ...(card.input.name === undefined ? {} : { input: card.input.name }),
    ...(card.output === undefined ? {} : { output: card.output }),
  });
  const headed = atHead(loaded, card);
  const cut = headed.tail !== undefined && card.explainAt !== 'output';
  const emitted = { name: loaded.fileOutput, dims: loaded.infos.get(loaded.output)!.dims, cut };
  const graph = explainedGraph(headed, await layersIn(headed.model, card), recipe, { size, layout, emitted });
  requireStandard(graph, card.file);
  const [scores, map] = graph.outputs.map(o => o.name) as [string, string];
  const { name: input, dims } = graph.inputs[0]!;
  const bytes = encodeModel(graph, { metadata, outputShapes: true });
  return { bytes, input, scores, map, opset: graph.opset, batch: dims[0] ?? 'any' };
}

async function layersIn(model: NormalisedModel, card: ModelCard): Promise<LayerMap> {
  const pool = new OnnxPool(1);
  try {
    // Each image in a batch of its own: nothing was measured yet of images that change each other's values.
    return layersOf(model, await findLayers(model, card, pool, { alone: true }));
  } finally {
    await pool.close();
  }
}

function requireStandard({ nodes }: Graph, file: string): void {
  const foreign = nodes.find(n => n.domain !== '');
  if (!foreign) return;
  throw new CtXaiError(
    'MODEL',
    `${file}: node '${foreign.name}' (${foreign.domain}:${foreign.op}) is of no standard operator, so that the file ` +
      'would not run everywhere.',
    { hint: 'Export the model without operators of other domains; graph optimisers add them.' },
  );
}
