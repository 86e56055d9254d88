import { attr, numbersOf, read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

const ADD = { reduction: attr.string('add') };

/** One constant index: g padded back into its place. */
function single(site: Site, axis: number, index: number, scalar: boolean): string {
  const { e } = site;
  const size = site.size(site.x(), axis);
  const at = index < 0 ? index + size : index;
  const zeros = new Array<number>(site.rank(site.x())).fill(0);
  return e.pad(scalar ? e.unsqueeze(site.g, [axis]) : site.g, zeros.with(axis, at), zeros.with(axis, size - 1 - at));
}

/** y = slices of x along an axis at given indices: g added up at those indices. */
export const gather = defineRule('Gather', site => {
  const { e } = site;
  const axis = site.axis(read.int(site.node, 'axis', 0));
  return [
    () => {
      const indices = site.value(1);
      const indexRank = site.rank(site.x(1));
      const xDims = site.dims(site.x());
      if (indices?.data.length === 1 && indexRank <= 1 && xDims[axis] !== null) {
        return single(site, axis, numbersOf(indices)[0]!, indexRank === 0);
      }
      const yDims = site.dims(site.y());
      const inner = yDims.slice(axis + indexRank);
      const flatDims = [...yDims.slice(0, axis), sizeOrNull(yDims.slice(axis, axis + indexRank)), ...inner];
      const g = indexRank === 1 ? site.g : e.reshape(site.g, flatDims, yDims);
      const column = e.reshape(site.x(1), [null, ...inner.map(() => 1)]);
      const spread = e.op('Expand', [column, e.shapeOf(g)]);
      return e.op('ScatterElements', [site.zeros(site.x()), spread, g], { axis: attr.int(axis), ...ADD });
    },
  ];
});

function sizeOrNull(dims: readonly (number | null)[]): number | null {
  return dims.reduce<number | null>((a, d) => (a === null || d === null ? null : a * d), 1);
}

/** y = the slices of x where a condition holds: g put back there. */
export const compress = defineRule('Compress', site => {
  const { e, node } = site;
  return [
    () => {
      const places = e.squeeze(e.op('NonZero', [site.x(1)]), [0]);
      const along = node.attrs.axis && site.axis(read.int(node, 'axis', 0));
      if (along === undefined) {
        const zeros = e.filled(e.reshape(e.op('Size', [site.x()]), [1]), 0);
        const spread = e.op('ScatterElements', [zeros, places, site.g], { axis: attr.int(0) });
        return e.op('Reshape', [spread, e.shapeOf(site.x())]);
      }
      const column = e.reshape(places, [null, ...new Array<number>(site.rank(site.x()) - 1 - along).fill(1)]);
      const at = e.op('Expand', [column, e.shapeOf(site.g)]);
      return e.op('ScatterElements', [site.zeros(site.x()), at, site.g], { axis: attr.int(along) });
    },
    null,
  ];
});

/** y[i] = x[index[i]] along an axis: g added up at those indices. */
export const gatherElements = defineRule('GatherElements', site => {
  const axis = read.int(site.node, 'axis', 0);
  return [
    () => site.e.op('ScatterElements', [site.zeros(site.x()), site.x(1), site.g], { axis: attr.int(axis), ...ADD }),
  ];
});

/** y = slices of x at index tuples: g added up there. */
export const gatherNd = defineRule('GatherND', site => {
  if (read.int(site.node, 'batch_dims', 0) !== 0) site.fail('batch_dims is not 0');
  return [() => site.e.op('ScatterND', [site.zeros(site.x()), site.x(1), site.g], ADD)];
});

/** values, indices = the k largest: g put back at the indices. */
export const topK = defineRule('TopK', site => {
  const axis = read.int(site.node, 'axis', -1);
  return [
    () =>
      site.e.op('ScatterElements', [site.zeros(site.x()), site.output(1), site.g], { axis: attr.int(axis), ...ADD }),
  ];
});
