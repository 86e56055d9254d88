import type { Graph } from '../../graph/graph.ts';
import { pruned } from '../../graph/walk.ts';
import { shareCommon } from './common.ts';
import { foldScales } from './fold-scales.ts';

export { simplify } from './simplify.ts';

/** Makes a gradient graph cheaper without changing what it computes, but for rounding. */
export function optimise(graph: Graph): Graph {
  const outputs = graph.outputs.map(o => o.name);
  return pruned(foldScales(shareCommon(pruned(graph, outputs))), outputs);
}
