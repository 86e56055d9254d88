import { attr, read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';

/** y = channels moved into space: g moved back. CRD order needs its own permutation. */
export const depthToSpace = defineRule('DepthToSpace', site => {
  const { e, g } = site;
  const block = read.int(site.node, 'blocksize', 1);
  const size = { blocksize: attr.int(block) };
  return [
    () => {
      if (read.string(site.node, 'mode', 'DCR') === 'DCR') return e.op('SpaceToDepth', [g], size);
      const [n, c, h, w] = site.dims(site.x()) as [number | null, number, number, number];
      const dims = [n, c / block ** 2, h, block, w, block];
      const split = e.reshape(g, dims, site.dims(site.y()));
      return e.reshape(e.transpose(split, [0, 1, 3, 5, 2, 4]), [n, c, h, w], dims);
    },
  ];
});

/** y = space moved into channels: g moved back. */
export const spaceToDepth = defineRule('SpaceToDepth', site => {
  const size = { blocksize: attr.int(read.int(site.node, 'blocksize', 1)) };
  return [() => site.e.op('DepthToSpace', [site.g], size)];
});
