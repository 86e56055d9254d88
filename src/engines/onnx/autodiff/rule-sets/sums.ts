import { attr, type GraphBuilder } from '../../graph/graph.ts';
import type { Emitter } from '../emit.ts';

/** Sums over all elements of an image's tensors, collected while a graph is written. */
export class Sums {
  readonly #found = new Map<string, string>();

  /** Reports Σ of a tensor [n, …] of some rank under a name; a name that is there already is kept. */
  add(name: string, e: Emitter, tensor: string, rank: number): void {
    if (this.#found.has(name)) return;
    const axes = Array.from({ length: rank - 1 }, (_, i) => i + 1);
    const sum = e.sum(tensor, axes, false);
    this.#found.set(name, e.unsqueeze(sum, [1]));
  }

  /** One output [n, names], or undefined where nothing was reported. */
  emit(builder: GraphBuilder): { readonly output: string; readonly names: readonly string[] } | undefined {
    if (this.#found.size === 0) return undefined;
    const output = builder.op('Concat', [...this.#found.values()], { axis: attr.int(1) });
    return { output, names: [...this.#found.keys()] };
  }
}
