import { attr, read } from '../../graph/graph.ts';
import { defineRule, type InputGradient } from '../rule.ts';
import type { Site } from '../site.ts';

/** The piece of `g` that starts at `from` along `axis`. */
function piece(site: Site, axis: number, from: number, size: number): string {
  return site.e.slice(site.g, [axis], [from], [from + size]);
}

/** Images joined in the batch, as of test-time augmentation: g is cut where the parts that are there end. */
function alongBatch({ e, node, g }: Site, axis: number): readonly InputGradient[] {
  let pieces: readonly string[] | undefined;
  const cut = () => {
    if (pieces) return pieces;
    const lengths = node.inputs.map(name => e.op('Shape', [name], { start: attr.int(axis), end: attr.int(axis + 1) }));
    pieces = e.builder.ops('Split', [g, e.concat(lengths, 0)], lengths.length, { axis: attr.int(axis) });
    return pieces;
  };
  return node.inputs.map((_, i) => () => cut()[i]!);
}

/** y = x₁ ‖ x₂ ‖ …: the pieces of g. */
export const concat = defineRule('Concat', site => {
  const { node } = site;
  const axis = site.axis(read.int(node, 'axis', 0), site.rank(site.y()));
  if (node.inputs.some(name => site.dims(name)[axis] === null)) return alongBatch(site, axis);
  const sizes = node.inputs.map(name => site.size(name, axis));
  let from = 0;
  return sizes.map(size => {
    const start = from;
    from += size;
    return () => (sizes.length === 1 ? site.g : piece(site, axis, start, size));
  });
});

/** y₁, y₂, … = pieces of x: the pieces' gradients joined, zeros for the unused. */
export const split = defineRule(
  'Split',
  site => {
    const { e, node } = site;
    const axis = site.axis(read.int(node, 'axis', 0));
    return [
      () => {
        const parts = node.outputs.map((name, i) => site.gradients[i] ?? site.zeros(name));
        return parts.length === 1 ? parts[0]! : e.op('Concat', parts, { axis: attr.int(axis) });
      },
    ];
  },
  { manyOutputs: true },
);
