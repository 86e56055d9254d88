import type { ModelCard } from '../../../core/contracts/index.ts';
import type { Node } from '../graph/graph.ts';
import { dependents, producers, readBy } from '../graph/walk.ts';
import { madeUp, type NormalisedModel } from '../load/load-model.ts';
import type { OpenGraph, PixelGrids } from './measure-grids.ts';
import { measureShares, type Shares } from './measure-shares.ts';

/** A layer that class activation maps can be read at. */
export interface CamCandidate {
  readonly name: string;
  /**
   * How far the scores move, as a share of the way from one image's to another's, when only this layer's pixels are the
   * other's. Absent where there is one candidate, which was not measured.
   */
  readonly share?: number;
}

/** Scores that move by less than this share do not depend on a layer's pixels. */
const NO_INFLUENCE = 1e-4;
/** Shares this close are equal: then the later layer is the better one. */
const EQUAL = 0.02;
/** A later layer is better than one that leads to it, unless so little goes through it. */
const LITTLE = 0.1;
/** Layers, from the scores back, whose influence can be measured. */
const MOST_SWITCHES = 80;

/**
 * The layers before the operators that remove pixels on the way to the scores, the best first: those that most of the
 * scores goes through.
 */
export async function camCandidates(
  model: NormalisedModel,
  grids: PixelGrids,
  card: Pick<ModelCard, 'input' | 'intensity'>,
  open: OpenGraph,
  alone = false,
): Promise<readonly CamCandidate[]> {
  const walk = createWalk(model, grids);
  const passed = new Set<string>();
  let found = walk.frontier(passed);
  const uncertain = found.length > 1 || found.some(name => hasExtraTokens(grids, name));
  if (!uncertain) return found.map(name => ({ name }));
  const last = [...grids.keys()].filter(name => typeof grids.get(name) === 'object').slice(-MOST_SWITCHES);
  const shares = await measureShares(model, grids, [...new Set([...found, ...last])], { card, open, alone });
  // Of a class token's tokens, the last that matter lie before its last attention.
  try {
    for (;;) {
      await shares.measure(found);
      const idle = found.filter(name => (shares.of(name) ?? 1) < NO_INFLUENCE);
      if (idle.length === 0) break;
      for (const name of idle) passed.add(name);
      found = walk.frontier(passed);
    }
  } finally {
    await shares.close();
  }
  return ranked(model, found, shares);
}

function hasExtraTokens(grids: PixelGrids, name: string): boolean {
  const grid = grids.get(name);
  return typeof grid === 'object' && (grid.extraTokens ?? 0) > 0;
}

function ranked(model: NormalisedModel, names: readonly string[], shares: Shares): CamCandidate[] {
  const order = new Map([...producers(model.graph).keys()].map((name, i) => [name, i]));
  const shareOf = (name: string) => shares.of(name) ?? 0;
  const following = new Map(names.map(name => [name, dependents(model.graph, [name])]));
  const better = (a: string, b: string): boolean => {
    if (following.get(b)!.has(a)) return shareOf(a) >= LITTLE * shareOf(b);
    if (following.get(a)!.has(b)) return shareOf(b) < LITTLE * shareOf(a);
    if (Math.abs(shareOf(a) - shareOf(b)) > EQUAL) return shareOf(a) > shareOf(b);
    return order.get(a)! > order.get(b)!;
  };
  const left = [...names];
  const best: CamCandidate[] = [];
  while (left.length > 0) {
    const next = left.reduce((a, b) => (better(b, a) ? b : a));
    left.splice(left.indexOf(next), 1);
    const share = shares.of(next);
    best.push(share === undefined ? { name: next } : { name: next, share });
  }
  return best;
}

/**
 * Pooling that keeps more than one pixel, operators that only rearrange, and those that generalised-mean and
 * log-sum-exp pooling begin with: the layer is looked for before them.
 */
const BEFORE: ReadonlySet<string> = new Set([
  ...['MaxPool', 'AveragePool', 'LpPool'],
  ...['Transpose', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Identity', 'Cast', 'Dropout'],
  ...['Pow', 'Exp'],
]);

interface Walk {
  /** Tensors with pixels that the scores follow from without another one in between; those passed are walked through. */
  frontier(passed: ReadonlySet<string>): string[];
}

function createWalk(model: NormalisedModel, grids: PixelGrids): Walk {
  const { graph, input, output, values } = model;
  const made = producers(graph);
  const varying = dependents(graph, [input]);
  // What the program wrote has no name that a reader could find in the file.
  const hasGrid = (name: string) => typeof grids.get(name) === 'object' && !madeUp(model, name);
  /** A linear layer on tokens: its input has the same pixels before it. */
  const isProjection = (name: string): boolean => {
    const node = made.get(name);
    if (!node || model.infos.get(name)!.dims.length !== 3) return false;
    const [a, b] = node.inputs as [string, string];
    if (node.op === 'MatMul') return values.has(b) && hasGrid(a);
    const other = values.has(a) ? b : a;
    return node.op === 'Add' && (values.has(a) || values.has(b)) && made.get(other)?.op === 'MatMul' && hasGrid(other);
  };
  const settled = (name: string): string => {
    const node = made.get(name);
    const before = node?.inputs[0];
    if (before === undefined || !hasGrid(before)) return name;
    return BEFORE.has(node!.op) || isFloor(node!, name) ? settled(before) : name;
  };
  /** The least value that generalised-mean pooling sets before it takes a power. */
  const isFloor = (node: Node, name: string): boolean =>
    ['Clip', 'Max'].includes(node.op) && graph.nodes.some(n => n.op === 'Pow' && n.inputs[0] === name);
  return {
    frontier(passed) {
      const found = new Set<string>();
      const seen = new Set<string>();
      const open = [output];
      for (let name = open.pop(); name !== undefined; name = open.pop()) {
        if (seen.has(name)) continue;
        seen.add(name);
        const last = name !== output && hasGrid(name) ? settled(name) : undefined;
        if (last !== undefined && !passed.has(last) && !isProjection(last)) {
          found.add(last);
          continue;
        }
        const node = made.get(last ?? name);
        if (node) open.push(...readBy(node).filter(source => varying.has(source)));
      }
      return [...found];
    },
  };
}
