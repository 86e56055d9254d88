import { CtXaiError, nearest } from '../../core/errors.ts';
import { depthAt, type Layer, type LayerMap, type Layout } from '../shared/layer-map.ts';
import { DType, type Node } from './graph/graph.ts';
import { layouts, spatialShape } from './graph/layout.ts';
import { dependents, producers } from './graph/walk.ts';
import type { NormalisedModel } from './load/load-model.ts';

/**
 * Pooling that keeps more than one pixel, and the change of layout that exporters put between it and a flattening; the
 * CAM layer is looked for before them.
 */
const POOLS: ReadonlySet<string> = new Set(['MaxPool', 'AveragePool', 'LpPool', 'Transpose']);

/** Operators that only rearrange; a [n, c, pixels] tensor made by them is still an image. */
const REARRANGING: ReadonlySet<string> = new Set(['Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Transpose']);

/** Operators whose outputs are no layers of their own: arithmetic on shapes and copies. */
const PLUMBING: ReadonlySet<string> = new Set([
  ...REARRANGING,
  'Cast',
  'Concat',
  'Expand',
  'Gather',
  'Identity',
  'Pad',
  'Slice',
  'Split',
  'Tile',
  'Where',
]);

/**
 * @param camLayer the card's, instead of the default
 * @throws CtXaiError LAYER if the card's layer is not in the model, or has no pixels.
 */
export function layersOf(model: NormalisedModel, input: Layout, camLayer?: string): LayerMap {
  const known = layouts(model, input);
  const made = producers(model.graph);
  const varying = dependents(model.graph, [model.input]);
  const order = new Map([...made.keys()].map((name, i) => [name, i]));
  const positions: number[] = [];
  const describe = (name: string, cam: boolean): Layer => {
    const position = order.get(name) ?? -1;
    const shape = spatialShape(model, known, name);
    return {
      name,
      shape: shape ? [shape.h, shape.w, shape.c] : (model.infos.get(name)!.dims.slice(1) as number[]),
      operator: made.get(name)?.op ?? 'Input',
      spatial: shape !== undefined,
      cam,
      depth: depthAt(position, positions),
      position,
      ...(shape ? { layout: shape.layout } : {}),
    };
  };
  const resolve = (name: string): string => {
    const byNode = model.graph.nodes.find(n => n.name === name)?.outputs[0];
    const found = [name, model.aliases.get(name), byNode].find(n => n !== undefined && made.has(n) && varying.has(n));
    if (found !== undefined) return countedByImage(model, found);
    const near = nearest(name, [...made.keys()]);
    throw new CtXaiError('LAYER', `the model has no layer '${name}'.`, {
      hint: `${near ? `Did you mean '${near}'? ` : ''}'ct-xai explain --list-layers' lists them.`,
    });
  };
  const cam = camLayer === undefined ? defaultCam(model, known) : resolve(camLayer);
  if (camLayer !== undefined && !describe(cam!, true).spatial) {
    throw new CtXaiError(
      'LAYER',
      `the card's camLayer '${camLayer}' has no pixels: its shape is [${describe(cam!, true).shape}].`,
    );
  }
  const names = model.graph.nodes.filter(n => isLayer(n, model, varying)).map(n => n.outputs[0]!);
  if (cam !== undefined && !names.includes(cam)) names.push(cam);
  names.sort((a, b) => order.get(a)! - order.get(b)!);
  positions.push(...names.map(name => order.get(name)!));
  const layers = names.map(name => describe(name, name === cam));
  return {
    layers,
    cam: layers.find(layer => layer.cam),
    find: name => {
      const found = resolve(name);
      return describe(found, found === cam);
    },
  };
}

/** Whether a tensor's first axis counts images, and no other varies with their number. */
function countsImages(model: NormalisedModel, name: string): boolean {
  const [batch, ...rest] = model.infos.get(name)?.dims ?? [];
  return batch === model.graph.inputs[0]!.dims[0] && !rest.includes(null);
}

function countedByImage(model: NormalisedModel, name: string): string {
  if (countsImages(model, name)) return name;
  const dims = model.infos.get(name)!.dims.map(d => d ?? '?');
  throw new CtXaiError(
    'LAYER',
    `layer '${name}' is [${dims.join(', ')}]: its first axis does not count images, so one image's values can't be told.`,
    { hint: "Choose another: 'ct-xai explain --list-layers' lists them." },
  );
}

function isLayer(node: Node, model: NormalisedModel, varying: ReadonlySet<string>): boolean {
  const name = node.outputs[0]!;
  const info = model.infos.get(name);
  if (!info || info.dtype !== DType.float || !varying.has(name) || name === model.output) return false;
  if (!countsImages(model, name)) return false;
  if (node.op === 'Concat') return info.dims.length === 4;
  return info.dims.length >= 3 && info.dims.length <= 4 && !PLUMBING.has(node.op);
}

/**
 * Back from the scores to the first operator that removes space (a global pool, a mean over pixels, a flattening); its
 * input, before any further pooling, is the layer. Token sequences have no pixels: none for a plain ViT.
 */
function defaultCam(model: NormalisedModel, known: ReadonlyMap<string, Layout>): string | undefined {
  const varying = dependents(model.graph, [model.input]);
  const made = producers(model.graph);
  const reached = new Set([model.output]);
  for (const node of model.graph.nodes.toReversed()) {
    if (!node.outputs.some(name => reached.has(name))) continue;
    for (const name of node.inputs) {
      if (!varying.has(name)) continue;
      if (spatialShape(model, known, name))
        return beforePools(name, made, n => spatialShape(model, known, n) !== undefined);
      if (isTokens(name, model, made)) return undefined;
      reached.add(name);
    }
  }
  return undefined;
}

function beforePools(name: string, made: ReadonlyMap<string, Node>, spatial: (name: string) => boolean): string {
  const node = made.get(name);
  if (!node || !POOLS.has(node.op) || !made.has(node.inputs[0]!) || !spatial(node.inputs[0]!)) return name;
  return beforePools(node.inputs[0]!, made, spatial);
}

/** Whether a tensor [n, a, b] is a sequence, and not an image that was only rearranged. */
function isTokens(name: string, model: NormalisedModel, made: ReadonlyMap<string, Node>): boolean {
  const dims = model.infos.get(name)?.dims ?? [];
  if (dims.length !== 3 || dims[1] === 1 || dims[2] === 1) return false;
  const node = made.get(name);
  return !(node && REARRANGING.has(node.op) && !isTokens(node.inputs[0]!, model, made));
}
