import { type Case, float, node, spread, weights } from '../harness.ts';

function matmul(note: string, a: number[], b: number[], more: Partial<Case> = {}): Case {
  return { note, nodes: [node('MatMul', ['a', 'b'])], inputs: { a: spread(a), b: spread(b, -1, 1, 5) }, ...more };
}

function gemm(
  note: string,
  a: number[],
  b: number[],
  c: number[] | undefined,
  attrs: Parameters<typeof node>[2],
): Case {
  const inputs = { a: spread(a), b: spread(b, -1, 1, 5) };
  if (!c) return { note, nodes: [node('Gemm', ['a', 'b'], attrs)], inputs };
  return { note, nodes: [node('Gemm', ['a', 'b', 'c'], attrs)], inputs: { ...inputs, c: spread(c, -1, 1, 6) } };
}

function einsum(equation: string, ...dims: number[][]): Case {
  const names = dims.map((_, i) => `x${i}`);
  return {
    note: equation,
    nodes: [node('Einsum', names, { equation })],
    inputs: Object.fromEntries(dims.map((d, i) => [names[i]!, spread(d, -1, 1, i + 1)])),
  };
}

export const products: readonly Case[] = [
  matmul('matrices', [3, 4], [4, 5]),
  matmul('batched', [2, 3, 4], [2, 4, 5]),
  matmul('batch on the left only', [2, 3, 3, 4], [4, 5]),
  matmul('batch on the right only', [3, 4], [2, 4, 5]),
  matmul('batches stretched', [2, 1, 3, 4], [3, 4, 2]),
  matmul('batches stretched both ways', [2, 1, 3, 4], [1, 3, 4, 2]),
  matmul('vector times matrix', [4], [4, 5]),
  matmul('matrix times vector', [3, 4], [4]),
  matmul('vector times vector', [4], [4]),
  matmul('vector times batch', [4], [2, 4, 5]),
  matmul('batch times vector', [2, 3, 4], [4]),
  matmul('one matrix, leading 1', [2, 3, 4], [1, 4, 5]),
  matmul('dynamic batch', [2, 3, 4], [2, 4, 5], { dynamic: true }),
  {
    note: 'constant right',
    nodes: [node('MatMul', ['a', 'w'])],
    inputs: { a: spread([2, 3, 4]) },
    constants: { w: weights([4, 5]) },
    dynamic: true,
  },
  {
    note: 'constant left',
    nodes: [node('MatMul', ['w', 'a'])],
    inputs: { a: spread([2, 4, 3]) },
    constants: { w: weights([5, 4]) },
    dynamic: true,
  },
  gemm('plain', [3, 4], [4, 5], [5], {}),
  gemm('no C', [3, 4], [4, 5], undefined, {}),
  gemm('A transposed', [4, 3], [4, 5], [3, 1], { transA: 1 }),
  gemm('B transposed', [3, 4], [5, 4], [1, 5], { transB: 1 }),
  gemm('both transposed, scaled', [4, 3], [5, 4], [], { transA: 1, transB: 1, alpha: float(0.5), beta: float(2) }),
  einsum('ij,jk->ik', [3, 4], [4, 2]),
  einsum('ij,jk', [3, 4], [4, 2]),
  einsum('bhqd,bhkd->bhqk', [2, 2, 3, 4], [2, 2, 5, 4]),
  einsum('bij,bj->bi', [2, 3, 4], [2, 4]),
  einsum('i,j->ij', [3], [4]),
  einsum('ij->j', [3, 4]),
  einsum('ij->ji', [3, 4]),
  einsum('ij,kj->i', [3, 4], [2, 4]),
  einsum('ij,jk,kl->il', [2, 3], [3, 2], [2, 4]),
  einsum('...ij,...jk->...ik', [2, 3, 4], [2, 4, 2]),
  einsum('...i,ij->...j', [2, 3, 4], [4, 2]),
];
