import { attr, read } from '../../graph/graph.ts';
import type { Emitter } from '../emit.ts';
import { defineRule, type Rule } from '../rule.ts';
import { reducedAxes } from '../rules/reduce.ts';
import type { Site } from '../site.ts';
import { both, near } from './differences.ts';

/**
 * The cross-maximum: with y⁺ = max(y, y′) the image's largest element gets (y⁺ − y′)·g and the reference's (y − y⁺)·g,
 * together Δy·g. Divided by Δx that is a multiplier: an element that gets something differs. For minima y⁺ = min(y, y′).
 */
function crossed(site: Site, y: readonly [string, string], g: string, op: 'Max' | 'Min'): [string, string] {
  const { e } = site;
  const extreme = e.op(op, [...y]);
  return [e.mul(g, e.sub(extreme, y[1])), e.mul(g, e.sub(y[0], extreme))];
}

/** A contribution as a multiplier; `plain` where image and reference count as equal. */
function perDifference(e: Emitter, contribution: string, x: readonly [string, string], plain: string): string {
  const equal = near(e, ...x);
  return e.where(equal, plain, e.div(contribution, e.where(equal, 1, e.sub(...x))));
}

/** Overlapping windows add up what an element gets of each. */
export function maxPool(standard: Rule): Rule {
  return defineRule('MaxPool', site => [
    () => {
      const { e, g, node } = site;
      if (read.int(node, 'storage_order', 0) !== 0) site.fail('its indices are in column-major order');
      const x = both(site, site.x());
      const dims = site.dims(site.x());
      const flat = (name: string) => e.reshape(name, [null]);
      const count = dims.includes(null)
        ? e.reshape(e.op('Size', [x[0]]), [1])
        : e.ints([(dims as number[]).reduce((a, b) => a * b, 1)]);
      const scattered = (onto: string, of: string, values: string) => {
        const indices = e.builder.ops('MaxPool', [of], 2, node.attrs)[1]!;
        const inputs = [onto, flat(indices), flat(values)];
        return e.op('ScatterElements', inputs, { axis: attr.int(0), reduction: attr.string('add') });
      };
      const [own, other] = crossed(site, both(site, site.y()), g, 'Max');
      const total = scattered(scattered(e.filled(count, 0), x[0], own), x[1], other);
      return perDifference(e, site.reshapeLike(total, site.x(), []), x, standard.differentiate(site)[0]!()!);
    },
  ]);
}

/** Maxima or minima over whole axes; ties share. */
export function globalMaximum(standard: Rule): Rule {
  return defineRule(standard.operators, site => [
    () => {
      const { e, node } = site;
      const pools = node.op === 'GlobalMaxPool';
      const axes = pools ? site.dims(site.x()).flatMap((_, i) => (i < 2 ? [] : [i])) : reducedAxes(site);
      const kept = pools || read.int(node, 'keepdims', 1) !== 0;
      const restored = (name: string) => (kept ? name : e.unsqueeze(name, axes));
      const x = both(site, site.x());
      const y = both(site, site.y()).map(restored) as [string, string];
      const parts = crossed(site, y, restored(site.g), node.op === 'ReduceMin' ? 'Min' : 'Max');
      const shares = parts.map((part, i) => {
        const hits = e.cast(e.equal(x[i]!, y[i]!));
        return e.mul(hits, e.div(part, e.sum(hits, axes)));
      });
      return perDifference(e, e.total(shares), x, standard.differentiate(site)[0]!()!);
    },
  ]);
}

/** The larger or smaller of several tensors, element by element; ties share. */
export function largest(standard: Rule): Rule {
  return defineRule(standard.operators, site => {
    const { e, g, node } = site;
    const y = both(site, site.y());
    const plain = standard.differentiate(site);
    return node.inputs.map((name, i) => () => {
      const parts = crossed(site, y, g, node.op as 'Max' | 'Min');
      const shares = parts.map((part, k) => {
        const of = (input: string) => both(site, input)[k]!;
        const hits = (input: string) => e.cast(e.equal(of(input), y[k]!));
        return e.mul(hits(name), e.div(part, e.total(node.inputs.map(hits))));
      });
      const contribution = site.reduce(e.total(shares), i);
      return perDifference(e, contribution, both(site, name), plain[i]!()!);
    });
  });
}
