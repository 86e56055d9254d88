import type { ModelCard } from '../../../core/contracts/index.ts';
import { probeImages } from '../../shared/probe-images.ts';
import { constant, DType, type Graph } from '../graph/graph.ts';
import { builderFor, pruned } from '../graph/walk.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { imageFeed } from '../session/image-feed.ts';
import type { Feed } from '../session/onnx-messages.ts';
import type { OpenGraph, PixelGrids } from './measure-grids.ts';
import { twinOf } from './twin.ts';

export interface Shares {
  /** Measures layers that were not yet. */
  measure(layers: readonly string[]): Promise<void>;
  /**
   * How far the scores move, as a share of the way to the other image's: 1 where all of the difference goes through the
   * layer's pixels; branches that work against each other have more than 1 together.
   */
  of(layer: string): number | undefined;
  close(): Promise<void>;
}

/** The two of the probe images: dark and bright. */
const [ONE, OTHER] = [0, 2] as const;

/**
 * Prepares to give single layers the values that they have for another image, and to see how far the scores follow
 * (activation patching; Vig et al. 2020). Extra tokens keep theirs.
 * @param layers All that may be asked for.
 */
export async function measureShares(
  model: NormalisedModel,
  grids: PixelGrids,
  layers: readonly string[],
  at: { readonly card: Pick<ModelCard, 'input' | 'intensity'>; readonly open: OpenGraph; readonly alone: boolean },
): Promise<Shares> {
  const { card, open, alone } = at;
  const { graph, switches, input, output } = switchGraph(model, grids, layers);
  const run = await open(graph);
  const images = probeImages(card);
  const found = new Map<string, number>();
  const fixed = model.dynamicBatch ? undefined : model.graph.inputs[0]!.dims[0]!;
  const units = (model.infos.get(model.output)!.dims.slice(1) as number[]).reduce((a, b) => a * b, 1);
  /** Scores with one layer switched for each row. */
  const scores = async (rows: readonly (string | undefined)[]) => {
    const feeds: Feed[] = [
      imageFeed(model.input, new Array<number>(rows.length).fill(ONE), images, card.input),
      imageFeed(input, [OTHER], images, card.input),
    ];
    for (const [layer, name] of switches) {
      const dims = model.infos.get(layer)!.dims.map((_, i) => (i === 0 ? rows.length : 1));
      feeds.push({ name, dims, data: Float32Array.from(rows, row => (row === layer ? 1 : 0)) });
    }
    const results = await run(feeds);
    return {
      rows: rows.map((_, i) => results[model.output]!.slice(i * units, (i + 1) * units)),
      other: results[output]!.slice(0, units),
    };
  };
  return {
    async measure(asked) {
      const wanted = asked.filter(name => !found.has(name) && switches.has(name));
      if (wanted.length === 0) return;
      const together = fixed === undefined && !alone;
      const batches = together
        ? [[undefined, ...wanted]]
        : wanted.flatMap(name => [undefined, name].map(row => new Array<string | undefined>(fixed ?? 1).fill(row)));
      let from: Float32Array | undefined;
      for (const rows of batches) {
        const { rows: got, other } = await scores(rows);
        for (const [i, layer] of rows.entries()) {
          if (layer === undefined) from = got[i]!;
          else found.set(layer, shareOf(from!, other, got[i]!));
        }
      }
    },
    of: layer => found.get(layer),
    close: () => run.close(),
  };
}

function shareOf(from: Float32Array, to: Float32Array, got: Float32Array): number {
  const distance = (values: Float32Array) => Math.hypot(...values.map((v, i) => v - from[i]!));
  const whole = distance(to);
  // Scores that are the same for all images tell nothing of a layer.
  return whole > 0 ? distance(got) / whole : 1;
}

/** The network on one image, in which layers can be switched to the values that they have for another. */
function switchGraph(
  model: NormalisedModel,
  grids: PixelGrids,
  layers: readonly string[],
): { graph: Graph; switches: ReadonlyMap<string, string>; input: string; output: string } {
  const { graph, infos } = model;
  const twin = twinOf(model);
  const taken = [...infos.keys(), ...graph.nodes.map(n => n.name)];
  const b = builderFor(graph, [...taken, ...taken.map(twin.nameOf)]);
  const switches = new Map(layers.map(layer => [layer, b.fresh('switch')]));
  const switched = new Map<string, string>();
  const nodes = [...twin.nodes];
  for (const node of graph.nodes) {
    const inputs = node.inputs.map(name => switched.get(name) ?? name);
    nodes.push({ ...node, inputs });
    for (const name of node.outputs) {
      const by = switches.get(name);
      if (by === undefined) continue;
      const before = b.nodes.length;
      const other = b.op('Mul', [b.op('Sub', [twin.nameOf(name), name]), by]);
      const pixels = withoutExtras(model, grids, name);
      const change = pixels === undefined ? other : b.op('Mul', [other, b.constant(pixels)]);
      switched.set(name, b.op('Add', [name, change]));
      nodes.push(...b.nodes.slice(before));
    }
  }
  const image = graph.inputs[0]!;
  const wanted = [model.output, twin.nameOf(model.output)];
  const whole: Graph = {
    ...graph,
    nodes,
    constants: new Map([...graph.constants, ...b.constants]),
    inputs: [
      image,
      { ...image, name: twin.input, dims: [1, ...image.dims.slice(1)] },
      ...[...switches].map(([layer, name]) => {
        const { dims } = infos.get(layer)!;
        return { name, dtype: DType.float, dims: dims.map((d, i) => (i === 0 ? d : 1)) };
      }),
    ],
    outputs: wanted.map(name => ({ name, dtype: DType.float, dims: [] })),
  };
  return { graph: { ...pruned(whole, wanted), inputs: whole.inputs }, switches, input: twin.input, output: wanted[1]! };
}

/** 1 at tokens of pixels and 0 at the others; undefined where there are no others. */
function withoutExtras(model: NormalisedModel, grids: PixelGrids, name: string) {
  const grid = grids.get(name);
  if (typeof grid !== 'object' || !grid.extraTokens) return undefined;
  const tokens = model.infos.get(name)!.dims[1]!;
  return constant.float(
    [1, tokens, 1],
    Float32Array.from({ length: tokens }, (_, i) => (i < grid.extraTokens! ? 0 : 1)),
  );
}
