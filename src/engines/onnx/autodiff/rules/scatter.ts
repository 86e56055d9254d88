import { attr, read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

/** Whether the operator overwrites ('none') or adds. */
function adds(site: Site): boolean {
  const reduction = read.string(site.node, 'reduction', 'none');
  if (reduction !== 'none' && reduction !== 'add') site.fail(`reduction '${reduction}' has no rule`);
  return reduction === 'add';
}

/** y = x with updates written (or added) at indices: g, with 0 where overwritten, and g gathered at the indices. */
export const scatterElements = defineRule('ScatterElements', site => {
  const { e, g } = site;
  const axis = { axis: attr.int(read.int(site.node, 'axis', 0)) };
  const add = adds(site);
  return [
    () => (add ? g : e.op('ScatterElements', [g, site.x(1), site.zeros(site.x(2))], axis)),
    null,
    () => e.op('GatherElements', [g, site.x(1)], axis),
  ];
});

/** The same with index tuples. */
export const scatterNd = defineRule('ScatterND', site => {
  const { e, g } = site;
  const add = adds(site);
  return [
    () => (add ? g : e.op('ScatterND', [g, site.x(1), site.zeros(site.x(2))])),
    null,
    () => e.op('GatherND', [g, site.x(1)]),
  ];
});
