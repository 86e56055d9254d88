import { attr, read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';

/**
 * y = maximum over windows: g added up at each window's maximum, the first one among ties as PyTorch. The forward
 * node also gives out where its maxima lie, as positions in the flattened input.
 */
export const maxPool = defineRule('MaxPool', site => {
  const { e, g, node } = site;
  if (read.int(node, 'storage_order', 0) !== 0) site.fail('its indices are in column-major order');
  return [
    () => {
      const flat = (name: string) => e.reshape(name, [null]);
      const x = site.dims(site.x());
      const count = x.includes(null)
        ? e.reshape(e.op('Size', [site.x()]), [1])
        : e.ints([(x as number[]).reduce((a, b) => a * b, 1)]);
      // From a node of its own: with indices, ONNX Runtime's pooling leaves the blocked layout, and the next nodes too.
      const indices = site.y(1) || e.builder.ops('MaxPool', [site.x()], 2, node.attrs)[1]!;
      const scattered = e.op('ScatterElements', [e.filled(count, 0), flat(indices), flat(g)], {
        axis: attr.int(0),
        reduction: attr.string('add'),
      });
      return site.reshapeLike(scattered, site.x(), []);
    },
  ];
});
