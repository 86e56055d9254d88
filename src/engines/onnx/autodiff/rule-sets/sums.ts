import { attr, DType, type GraphBuilder } from '../../graph/graph.ts';
import { Emitter } from '../emit.ts';
import type { Rule } from '../rule.ts';

/**
 * Keeps account of what a backward pass hands on: everything that enters or leaves the tensors that have something, so
 * that the total at any place between image and scores is a sum of what was entered until then.
 */
export class Sums {
  readonly #builder: GraphBuilder;
  /** Sums over an image's elements, [n, 1], with signs. */
  readonly #entries: { readonly sign: 1 | -1; readonly sum: string }[] = [];
  /** Names of places, and how many entries there were. */
  readonly #places: { readonly name: string; readonly entries: number }[] = [];

  constructor(builder: GraphBuilder) {
    this.#builder = builder;
  }

  /** Enters Σ of a tensor [n, …] of a rank. */
  enter(sign: 1 | -1, tensor: string, rank: number): void {
    const e = new Emitter(this.#builder, DType.float);
    const axes = Array.from({ length: rank - 1 }, (_, i) => i + 1);
    this.#entries.push({ sign, sum: e.unsqueeze(e.sum(tensor, axes, false), [1]) });
  }

  /** The total at this place of the backward pass is reported under a name. */
  mark(name: string): void {
    this.#places.push({ name, entries: this.#entries.length });
  }

  /** A rule that hands on more or less than it gets. `place`: the total in front of it is reported under that name. */
  accounted(rule: Rule, place?: string): Rule {
    return {
      ...rule,
      differentiate: site => {
        if (place !== undefined) this.mark(place);
        for (const [i, g] of site.gradients.entries()) if (g) this.enter(-1, g, site.rank(site.y(i)));
        return rule.differentiate(site).map(
          (emit, i) =>
            emit &&
            (() => {
              const term = emit();
              if (term !== undefined) this.enter(1, term, site.rank(site.x(i)));
              return term;
            }),
        );
      },
    };
  }

  /** One output [n, names], or undefined where nothing is reported. */
  emit(): { readonly output: string; readonly names: readonly string[] } | undefined {
    const [entries, places] = [this.#entries, this.#places];
    if (places.length === 0) return undefined;
    const e = new Emitter(this.#builder, DType.float);
    const counted = entries.flatMap(({ sign }, i) => places.map(place => (i < place.entries ? sign : 0)));
    const table = e.constant([entries.length, places.length], counted);
    const all = this.#builder.op(
      'Concat',
      entries.map(({ sum }) => sum),
      { axis: attr.int(1) },
    );
    return { output: e.matmul(all, table), names: places.map(({ name }) => name) };
  }
}
