import { z } from 'zod';
import {
  type Classifier,
  type Cost,
  isUndefined,
  type LayerInfo,
  type LayerList,
  type ModelFacts,
  type Undefined,
  undefinedBecause,
} from '../../core/contracts/index.ts';

const oneLayer = z.union([z.string(), z.number().min(0).max(1)]);

/** Where in the network a class activation map is read, as an option. */
export const layerOption = z
  .union([oneLayer, z.array(oneLayer).min(1)])
  .optional()
  .describe("a layer's tensor name, a depth from 0 (image) to 1 (scores), or a list; default: the model's CAM layer");

export type LayerChoice = z.output<typeof layerOption>;

type Model = Pick<Classifier, 'runtime'> & LayerList;

/**
 * Names of the layers that an option chooses, without repeats. A depth is the spatial layer nearest to it, of more than
 * one pixel. Undefined where the model has no such layer.
 */
export async function resolveLayers(model: Model, choice: LayerChoice): Promise<readonly string[] | Undefined> {
  if (choice === undefined) {
    const { camLayer, noCamLayer } = model.runtime;
    if (camLayer !== undefined) return [camLayer];
    const why = noCamLayer ?? 'no layer before the scores has pixels.';
    return undefinedBecause(`the model has no layer for class activation maps: ${why} Name one with the option layer`);
  }
  const names = new Set<string>();
  for (const asked of Array.isArray(choice) ? choice : [choice]) {
    const name = typeof asked === 'string' ? asked : nearestInDepth(await model.layers(), asked);
    if (typeof name !== 'string') return name;
    names.add(name);
  }
  return [...names];
}

function nearestInDepth(layers: readonly LayerInfo[], depth: number): string | Undefined {
  const spatial = layers
    .map((layer, i) => ({ ...layer, depth: layer.depth ?? (i + 1) / (layers.length + 1) }))
    .filter(({ spatial, shape }) => spatial && shape.slice(0, -1).some(side => side > 1));
  const distance = (layer: { depth: number }) => Math.abs(layer.depth - depth);
  const nearest = spatial.reduce<(typeof spatial)[number] | undefined>(
    (best, layer) => (best && distance(best) <= distance(layer) ? best : layer),
    undefined,
  );
  return nearest?.name ?? undefinedBecause('the model has no spatial layer, so a depth means nothing');
}

/**
 * Shapes of the layers that an option chooses, for what an explanation costs. Undefined before the model is opened, and
 * where it has no such layer.
 */
export function chosenShapes({ layers }: ModelFacts, choice: LayerChoice): readonly (readonly number[])[] | undefined {
  if (!layers) return undefined;
  const asked = choice === undefined ? [layers.find(layer => layer.cam)?.name] : [choice].flat();
  const names = new Set(asked.map(one => (typeof one === 'number' ? nearestInDepth(layers, one) : one)));
  const shapes = [...names].map(name => layers.find(layer => layer.name === name)?.shape);
  return shapes.every(shape => shape !== undefined) ? shapes : undefined;
}

/** Channels of a layer before the model is opened: few networks have more. */
const MOST_CHANNELS = 2048;

/** Forward passes for each channel of each chosen layer, and so many for each layer besides. */
export function channelsCost(model: ModelFacts, choice: LayerChoice, besides: number): Cost {
  const shapes = chosenShapes(model, choice);
  if (!shapes) return { forward: MOST_CHANNELS + besides, backward: 0, atMost: true };
  return { forward: shapes.reduce((sum, shape) => sum + shape.at(-1)! + besides, 0), backward: 0 };
}

/** Forward passes for each cell of each chosen layer, and so many for each layer besides. */
export function cellsCost(model: ModelFacts, choice: LayerChoice, besides: number): Cost {
  const shapes = chosenShapes(model, choice);
  // Layers that are read have an eighth of the image's pixels along each side, or fewer.
  if (!shapes) {
    const cells = model.spatial.reduce((product, side) => product * Math.ceil(side / 8), 1);
    return { forward: cells + besides, backward: 0, atMost: true };
  }
  return { forward: shapes.reduce((sum, [h = 1, w = 1]) => sum + h * w + besides, 0), backward: 0 };
}

/** The first layer that an option chooses, for explainers that read one only. */
export async function resolveLayer(model: Model, choice: LayerChoice): Promise<string | Undefined> {
  const names = await resolveLayers(model, choice);
  return isUndefined(names) ? names : names[0]!;
}
