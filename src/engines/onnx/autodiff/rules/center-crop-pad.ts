import { read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';

/** y = x cut or padded with zeros about its centre: g cut or padded back. */
export const centerCropPad = defineRule('CenterCropPad', site => {
  const { e, node } = site;
  const [from, to] = [site.dims(site.x()), site.dims(site.y())];
  const axes = (read.ints(node, 'axes') ?? from.map((_, i) => i)).map(a => site.axis(a));
  return [
    () => {
      const [begins, ends] = [from.map(() => 0), from.map(() => 0)];
      for (const axis of axes) {
        if (from[axis] === to[axis]) continue;
        const more = site.size(site.x(), axis) - site.size(site.y(), axis);
        // What is odd goes to the end, in cutting and in padding.
        begins[axis] = more > 0 ? Math.floor(more / 2) : -Math.floor(-more / 2);
        ends[axis] = more - begins[axis]!;
      }
      return e.pad(site.g, begins, ends);
    },
    null,
  ];
});
