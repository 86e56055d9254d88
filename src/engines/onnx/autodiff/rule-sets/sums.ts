import { attr, DType, type GraphBuilder } from '../../graph/graph.ts';
import { type Dims, Emitter } from '../emit.ts';
import type { Rule } from '../rule.ts';

/**
 * Keeps account of what a backward pass hands on: everything that enters or leaves the tensors that have something, so
 * that the total at any place between image and scores is a sum of what was entered until then.
 */
export class Sums {
  readonly #builder: GraphBuilder;
  readonly #seed: string;
  /** Sums over an image's elements, [n, 1], with signs. */
  readonly #entries: { readonly sign: 1 | -1; readonly sum: string }[] = [];
  /** Names of places, and how many entries there were. */
  readonly #places: { readonly name: string; readonly entries: number }[] = [];

  readonly #batch: ReadonlySet<string>;
  /** [2] = n, −1 */
  #perImage?: string;

  /**
   * @param seed a tensor [n, …]
   * @param batch tensors whose first axis is the batch itself
   */
  constructor(builder: GraphBuilder, seed: string, batch: ReadonlySet<string>) {
    this.#builder = builder;
    this.#seed = seed;
    this.#batch = batch;
  }

  /**
   * Enters Σ over each image's elements of a tensor that has the shape of another. The images are its dynamic axis, the
   * slower part of it where windows or heads are folded in.
   */
  enter(sign: 1 | -1, tensor: string, like: string, dims: Dims): void {
    const e = new Emitter(this.#builder, DType.float);
    const axis = Math.max(0, dims.indexOf(null));
    if (axis === 0 && (this.#batch.has(like) || dims.length === 1)) {
      const axes = Array.from({ length: dims.length - 1 }, (_, i) => i + 1);
      this.#entries.push({ sign, sum: e.unsqueeze(e.sum(tensor, axes, false), [1]) });
      return;
    }
    const others = dims.flatMap((_, i) => (i === axis ? [] : [i]));
    this.#perImage ??= e.concat([e.slice(e.shapeOf(this.#seed), [0], [0], [1]), e.ints([-1])], 0);
    const rows = e.op('Reshape', [e.transpose(tensor, [axis, ...others]), this.#perImage]);
    this.#entries.push({ sign, sum: e.sum(rows, [1]) });
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
        for (const [i, g] of site.gradients.entries()) if (g) this.enter(-1, g, site.y(i), site.dims(site.y(i)));
        return rule.differentiate(site).map(
          (emit, i) =>
            emit &&
            (() => {
              const term = emit();
              if (term !== undefined) this.enter(1, term, site.x(i), site.dims(site.x(i)));
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
