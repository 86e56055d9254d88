import { CtXaiError, nearest } from '../../../core/errors.ts';
import { depthAt, type Layer, type LayerMap } from '../../shared/layer-map.ts';
import type { PixelGrid } from '../../shared/pixel-grid.ts';
import { DType, type Node } from '../graph/graph.ts';
import { dependents, producers } from '../graph/walk.ts';
import { madeUp, type NormalisedModel } from '../load/load-model.ts';
import type { CamCandidate } from './cam-candidates.ts';
import { NOT_IMAGES, type PixelGrids } from './measure-grids.ts';

/** Operators whose outputs are no layers of their own: arithmetic on shapes and copies. */
const PLUMBING: ReadonlySet<string> = new Set([
  'Reshape',
  'Flatten',
  'Squeeze',
  'Unsqueeze',
  'Transpose',
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

/** What passes of a model told of its layers. */
export interface LayerFindings {
  readonly grids: PixelGrids;
  /** The best first. */
  readonly candidates: readonly CamCandidate[];
  /** Why layers could not be measured. */
  readonly failure?: string;
}

/**
 * @param camLayer the card's, instead of the best candidate; where it has no pixels there is no layer, with the reason,
 * since explainers that need none still work
 * @throws CtXaiError LAYER if the card's layer is not in the model.
 */
export function layersOf(model: NormalisedModel, findings: LayerFindings, camLayer?: string): LayerMap {
  const { grids, candidates, failure } = findings;
  const made = producers(model.graph);
  const varying = dependents(model.graph, [model.input]);
  const order = new Map([...made.keys()].map((name, i) => [name, i]));
  const positions: number[] = [];
  const describe = (name: string, cam: boolean): Layer => {
    const position = order.get(name) ?? -1;
    const grid = grids.get(name);
    const rank = candidates.findIndex(candidate => candidate.name === name);
    const share = candidates[rank]?.share;
    return {
      name,
      operator: made.get(name)?.op ?? 'Input',
      cam,
      depth: depthAt(position, positions),
      position,
      ...(rank < 0 ? {} : { rank: rank + 1, ...(share === undefined ? {} : { share }) }),
      ...placed(grid, model.infos.get(name)!.dims.slice(1) as number[]),
    };
  };
  const resolve = (name: string): string => {
    const byNode = model.graph.nodes.find(n => n.name === name)?.outputs[0];
    const found = [name, model.aliases.get(name), byNode].find(n => n !== undefined && made.has(n) && varying.has(n));
    if (found !== undefined) return countedByImage(model, grids, found);
    const near = nearest(
      name,
      [...made.keys()].filter(other => !madeUp(model, other)),
    );
    throw new CtXaiError('LAYER', `the model has no layer '${name}'.`, {
      hint: `${near ? `Did you mean '${near}'? ` : ''}'ct-xai explain --list-layers' lists them.`,
    });
  };
  const asked = camLayer === undefined ? undefined : resolve(camLayer);
  const refused = asked === undefined ? undefined : whyNot(camLayer!, describe(asked, true), grids.get(asked));
  const cam = refused === undefined ? (asked ?? candidates[0]?.name) : undefined;
  const names = model.graph.nodes.filter(n => isLayer(n, model, grids, varying)).map(n => n.outputs[0]!);
  for (const name of [cam, ...candidates.map(c => c.name)]) {
    if (name !== undefined && !names.includes(name)) names.push(name);
  }
  names.sort((a, b) => order.get(a)! - order.get(b)!);
  positions.push(...names.map(name => order.get(name)!));
  const layers = names.map(name => describe(name, name === cam));
  return {
    layers,
    cam: layers.find(layer => layer.cam),
    ...(cam === undefined
      ? {
          noCam: failure === undefined ? (refused ?? whyNone(layers, grids)) : `they could not be measured: ${failure}`,
        }
      : {}),
    find: name => {
      const found = resolve(name);
      return describe(found, found === cam);
    },
  };
}

/** Shape and place of a layer's values: over the image's pixels, or as they are, with the reason. */
function placed(
  grid: PixelGrid | string | undefined,
  dims: readonly number[],
): Pick<Layer, 'shape' | 'spatial' | 'notSpatial' | 'layout' | 'skipped'> {
  if (grid === undefined) return { shape: dims, spatial: false };
  if (typeof grid === 'string') return { shape: dims, spatial: false, notSpatial: grid };
  const { height, width, channels, layout, extraTokens = 0 } = grid;
  const skipped = extraTokens > 0 ? { skipped: extraTokens * channels } : {};
  return { shape: [height, width, channels], spatial: true, layout, ...skipped };
}

/** Why the layer that the card names can't be shown over the image; undefined where it can. */
function whyNot(asked: string, layer: Layer, grid: PixelGrid | string | undefined): string | undefined {
  if (layer.spatial) return undefined;
  const why = typeof grid === 'string' ? `: ${grid}` : '';
  return `the card's camLayer '${asked}', [${layer.shape}], has no pixels${why}. 'ct-xai explain --list-layers' lists the layers that have some.`;
}

/** Why there is no layer for class activation maps, in words. */
function whyNone(layers: readonly Layer[], grids: PixelGrids): string {
  const last = layers.findLast(layer => typeof grids.get(layer.name) === 'string' && layer.shape.length > 1);
  const example = last ? ` The last with several axes, '${last.name}' [${last.shape}]: ${grids.get(last.name)}.` : '';
  return `no layer's cells follow the pixels of the whole image.${example}`;
}

/** Whether a tensor's first axis counts images, and no other varies with their number. */
function countsImages(model: NormalisedModel, name: string): boolean {
  const [batch, ...rest] = model.infos.get(name)?.dims ?? [];
  return batch === model.graph.inputs[0]!.dims[0] && !rest.includes(null);
}

function countedByImage(model: NormalisedModel, grids: PixelGrids, name: string): string {
  if (countsImages(model, name) && grids.get(name) !== NOT_IMAGES) return name;
  const dims = model.infos.get(name)!.dims.map(d => d ?? '?');
  throw new CtXaiError(
    'LAYER',
    `layer '${name}' is [${dims.join(', ')}]: its first axis does not count images, so one image's values can't be told.`,
    { hint: "Choose another: 'ct-xai explain --list-layers' lists them." },
  );
}

function isLayer(node: Node, model: NormalisedModel, grids: PixelGrids, varying: ReadonlySet<string>): boolean {
  const name = node.outputs[0]!;
  const info = model.infos.get(name);
  if (!info || info.dtype !== DType.float || !varying.has(name) || name === model.output || madeUp(model, name))
    return false;
  if (!countsImages(model, name) || grids.get(name) === NOT_IMAGES) return false;
  if (node.op === 'Concat') return info.dims.length === 4;
  return info.dims.length >= 3 && info.dims.length <= 4 && !PLUMBING.has(node.op);
}
