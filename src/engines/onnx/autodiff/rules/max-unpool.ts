import { read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';

/** y is 0 but for x at the places that indices name, in the flattened output: g from there. */
export const maxUnpool = defineRule('MaxUnpool', site => {
  const { e, g, node } = site;
  const kernel = read.ints(node, 'kernel_shape') ?? [];
  const strides = read.ints(node, 'strides') ?? kernel.map(() => 1);
  // Of values with one place, the last stays.
  if (strides.some((s, i) => s < kernel[i]!))
    site.fail('its windows overlap, so that several values may have one place');
  return [() => site.reshapeLike(e.op('Gather', [e.reshape(g, [null]), e.reshape(site.x(1), [null])]), site.x(), [])];
});
