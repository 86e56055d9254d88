import type { ModelCard } from '../../../core/contracts/index.ts';
import { changedImages } from '../../shared/changed-images.ts';
import {
  hasFewCells,
  OTHER_PLACES,
  type PixelGrid,
  PLACES,
  type Place,
  type PossibleGrid,
  pixelGrid,
  possibleGrids,
  UNRELATED,
} from '../../shared/pixel-grid.ts';
import { probeImages } from '../../shared/probe-images.ts';
import { attr, DType, type Graph } from '../graph/graph.ts';
import { builderFor, dependents, pruned } from '../graph/walk.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { imageFeed } from '../session/image-feed.ts';
import type { Feed } from '../session/onnx-messages.ts';
import { keptPixels } from './kept-pixels.ts';
import { twinOf } from './twin.ts';

/** A graph that is open to be run. Its feeds are given away. */
export interface RunGraph {
  (feeds: readonly Feed[]): Promise<Readonly<Record<string, Float32Array>>>;
  close(): Promise<void>;
}

export type OpenGraph = (graph: Graph) => Promise<RunGraph>;

/** By tensor: its grid of pixels, or why it has none. */
export type PixelGrids = ReadonlyMap<string, PixelGrid | string>;

/**
 * Which tensors follow the image's pixels, and how: the image is changed in four places, one after the other, and it is
 * seen which cells change; in four more where there are few cells, unless the operators before them keep rows and columns.
 * @param alone Whether each image must have a batch of its own.
 */
export async function measureGrids(
  model: NormalisedModel,
  card: Pick<ModelCard, 'input' | 'intensity'>,
  open: OpenGraph,
  alone = false,
): Promise<PixelGrids> {
  const size = card.input.size as [number, number];
  const kept = keptPixels(model, card.input.layout);
  const tensors = measurable(model, size, kept);
  const found = new Map<string, PixelGrid | string>(tensors.map(({ name }) => [name, pixelGrid([], [])]));
  const possible = tensors.filter(({ grids }) => grids.length > 0);
  if (possible.length === 0) return found;
  const base = probeImages(card)[0]!;
  const batch = model.dynamicBatch ? undefined : model.graph.inputs[0]!.dims[0]!;
  const together = batch === undefined && !alone;
  const copies = together ? 1 : (batch ?? 1);
  const { graph, outputs, second } = changeGraph(model, possible, copies);
  const run = await open(graph);
  /** The grids with the image changed in four places. */
  const seenAt = async (places: readonly Place[], asked: readonly Measurable[]) => {
    const images = [...changedImages(card, places), base];
    const rows = together ? [places.map((_, k) => k)] : places.map((_, k) => new Array<number>(copies).fill(k));
    const results: Readonly<Record<string, Float32Array>>[] = [];
    for (const indices of rows) {
      const unchanged = new Array<number>(copies).fill(places.length);
      results.push(
        await run([
          imageFeed(model.input, indices, images, card.input),
          imageFeed(second, unchanged, images, card.input),
        ]),
      );
    }
    return asked.map(({ name, grids }) => {
      const cells = grids.map(g => g.height * g.width + (g.extraTokens ?? 0));
      const made = grids.map(g => outputs.get(`${name} ${g.channelAxis}`)!);
      const counted = results.every((r, i) => made.every((o, g) => r[o]!.length === rows[i]!.length * cells[g]!));
      if (!counted) return NOT_IMAGES;
      const changes = made.map((output, g) =>
        places.map((_, k) => {
          const all = results[together ? 0 : k]![output]!;
          return together ? all.subarray(k * cells[g]!, (k + 1) * cells[g]!) : all.subarray(0, cells[g]!);
        }),
      );
      return pixelGrid(grids, changes, places);
    });
  };
  try {
    const first = await seenAt(PLACES, possible);
    for (const [i, { name }] of possible.entries()) found.set(name, first[i]!);
    const few = possible.filter(({ name }, i) => {
      return typeof first[i] === 'object' && hasFewCells(first[i]) && !sameGrid(kept.get(name), first[i]);
    });
    const again = few.length > 0 ? await seenAt(OTHER_PLACES, few) : [];
    for (const [i, { name }] of few.entries()) if (!sameGrid(again[i], found.get(name))) found.set(name, UNRELATED);
  } finally {
    await run.close();
  }
  return found;
}

function sameGrid(a: PixelGrid | string | undefined, b: PixelGrid | string | undefined): boolean {
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  return a.height === b.height && a.layout === b.layout && a.extraTokens === b.extraTokens;
}

/** Of tensors that, for example, tiles of all images were folded into. */
export const NOT_IMAGES = 'its first axis does not count images';

interface Measurable {
  readonly name: string;
  readonly grids: readonly PossibleGrid[];
}

/** Tensors of floats, [n, a, b] or [n, a, b, c], between the image and the scores, and the grids that they may have. */
function measurable(
  model: NormalisedModel,
  size: readonly [number, number],
  kept: ReadonlyMap<string, PixelGrid>,
): Measurable[] {
  const { graph, infos, input, output } = model;
  const varying = dependents(graph, [input]);
  return pruned(graph, [output]).nodes.flatMap(node =>
    node.outputs.flatMap(name => {
      const { dtype, dims } = infos.get(name) ?? { dtype: 0, dims: [] };
      if (dtype !== DType.float || !varying.has(name) || name === output) return [];
      const own = dims.slice(1);
      if (own.length < 2 || own.length > 3 || own.includes(null)) return [];
      return [{ name, grids: possibleGrids(own as number[], size, kept.get(name)?.layout) }];
    }),
  );
}

/** The network on changed images and on the unchanged one, and by how much the cells of tensors differ. */
function changeGraph(
  model: NormalisedModel,
  tensors: readonly Measurable[],
  unchangedImages: number,
): { graph: Graph; outputs: ReadonlyMap<string, string>; second: string } {
  const { graph, infos } = model;
  const twin = twinOf(model);
  const taken = [...infos.keys(), ...graph.nodes.map(n => n.name)];
  const b = builderFor(graph, [...taken, ...taken.map(twin.nameOf)]);
  const [zero, one] = [b.ints([0]), b.ints([1])];
  const outputs = new Map<string, string>();
  // ONNX Runtime begins with the last node that nothing follows: so each tensor is let go of as soon as it is reduced.
  for (const { name, grids } of tensors.toReversed()) {
    const unchanged = b.op('Slice', [twin.nameOf(name), zero, one, zero]);
    const change = b.op('Sub', [name, unchanged]);
    for (const axis of new Set(grids.map(g => g.channelAxis))) {
      outputs.set(`${name} ${axis}`, b.op('ReduceL1', [change, b.ints([axis])], { keepdims: attr.int(0) }));
    }
  }
  const image = graph.inputs[0]!;
  const wanted = [...outputs.values()];
  const whole: Graph = {
    ...graph,
    nodes: [...graph.nodes, ...twin.nodes, ...b.nodes],
    constants: new Map([...graph.constants, ...b.constants]),
    // Of a batch of its own: with the other's name for it, ONNX Runtime would share buffers among them.
    inputs: [image, { ...image, name: twin.input, dims: [unchangedImages, ...image.dims.slice(1)] }],
    outputs: wanted.map(name => ({ name, dtype: DType.float, dims: [] })),
  };
  return { graph: { ...pruned(whole, wanted), inputs: whole.inputs }, outputs, second: twin.input };
}
