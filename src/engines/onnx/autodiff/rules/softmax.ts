import { read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';

/** y = softmax(x): y·(g − Σ g·y). */
export const softmax = defineRule('Softmax', site => {
  const { e, g } = site;
  const axis = site.axis(read.int(site.node, 'axis', -1));
  return [
    () => {
      const weighted = e.mul(g, site.y());
      return e.sub(weighted, e.mul(site.y(), e.sum(weighted, [axis])));
    },
  ];
});

/** y = log softmax(x): g − eʸ·Σ g. */
export const logSoftmax = defineRule('LogSoftmax', site => {
  const { e, g } = site;
  const axis = site.axis(read.int(site.node, 'axis', -1));
  return [() => e.sub(g, e.mul(e.exp(site.y()), e.sum(g, [axis])))];
});
