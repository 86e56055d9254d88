import type { Graph } from '../../graph.ts';
import { shareCommon } from './common.ts';
import { removeDead } from './dead-code.ts';

/** Makes a gradient graph cheaper without changing what it computes. */
export function optimise(graph: Graph): Graph {
  return removeDead(shareCommon(removeDead(graph)));
}
