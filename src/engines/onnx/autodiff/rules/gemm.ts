import { attr, read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';

/** y = α·A'·B' + β·C (' = transposed where asked): α·g·B'ᵀ for A', α·A'ᵀ·g for B', β·g reduced for C. */
export const gemm = defineRule('Gemm', site => {
  const { e, g, node } = site;
  const alpha = read.float(node, 'alpha', 1);
  const beta = read.float(node, 'beta', 1);
  const ta = read.int(node, 'transA', 0);
  const tb = read.int(node, 'transB', 0);
  const [a, b] = [site.x(0), site.x(1)];
  const product = (p: string, q: string, transA: number, transB: number) =>
    e.op('Gemm', [p, q], { alpha: attr.float(alpha), transA: attr.int(transA), transB: attr.int(transB) });
  return [
    () => (ta ? product(b, g, tb, 1) : product(g, b, 0, 1 - tb)),
    () => (tb ? product(g, a, 1, ta) : product(a, g, 1 - ta, 0)),
    () => e.mul(site.reduce(g, 2), beta),
  ];
});
