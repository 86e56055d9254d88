import { attr, read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

interface Equation {
  readonly operands: string[][];
  readonly output: string[];
}

/** The equation with '…' spelled out as letters of its own and the output made explicit. */
export function parseEquation(equation: string, ranks: readonly number[]): Equation {
  const [left, right] = equation.replaceAll(' ', '').split('->') as [string, string | undefined];
  const terms = left.split(',');
  // '.' and a number name the axes that '…' stands for, counted from the right.
  const expand = (term: string, rank: number) => {
    const at = term.indexOf('...');
    if (at < 0) return [...term];
    const letters = [...term.replace('...', '')];
    const count = rank - letters.length;
    const axes = Array.from({ length: count }, (_, i) => `.${count - i}`);
    return [...letters.slice(0, at), ...axes, ...letters.slice(at)];
  };
  const operands = terms.map((term, i) => expand(term, ranks[i]!));
  const all = operands.flat();
  const dots = [...new Set(all.filter(l => l.startsWith('.')))].sort((a, b) => Number(b.slice(1)) - Number(a.slice(1)));
  if (right === undefined) {
    const once = [...new Set(all)].filter(l => !l.startsWith('.') && all.filter(m => m === l).length === 1).sort();
    return { operands, output: [...dots, ...once] };
  }
  return { operands, output: expand(right, right.replace('...', '').length + dots.length) };
}

/** Labels as letters that ONNX allows. */
function spell(operands: readonly string[][], output: readonly string[]): string {
  const alphabet = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ'];
  const letters = new Map<string, string>();
  const word = (labels: readonly string[]) =>
    labels
      .map(l => {
        if (!letters.has(l)) letters.set(l, alphabet[letters.size]!);
        return letters.get(l)!;
      })
      .join('');
  return `${operands.map(word).join(',')}->${word(output)}`;
}

/**
 * A contraction y = Σ x₁·x₂·…: the gradient of an operand contracts g with the other operands; labels that only this
 * operand has were summed alone, and are broadcast back.
 */
export const einsum = defineRule('Einsum', site => {
  const { e, node } = site;
  const ranks = node.inputs.map(name => site.rank(name));
  const { operands, output } = parseEquation(read.string(node, 'equation', ''), ranks);
  for (const labels of [...operands, output]) {
    if (new Set(labels).size < labels.length) site.fail('its equation repeats a label within one operand (a diagonal)');
  }
  const outDims = site.dims(site.y());
  return operands.map((labels, i) => () => gradientOf(site, operands, output, labels, i, outDims, e));
});

function gradientOf(
  site: Site,
  operands: readonly string[][],
  output: readonly string[],
  labels: readonly string[],
  index: number,
  outDims: readonly (number | null)[],
  e: Site['e'],
): string {
  const name = site.x(index);
  const dims = site.dims(name);
  const others = operands.filter((_, j) => j !== index);
  const inputs = [site.g, ...site.node.inputs.filter((_, j) => j !== index)];
  const available = new Set([...output, ...others.flat()]);
  // A dim of 1 that the other operands or the output stretch is summed afterwards.
  const reached = labels.filter(l => available.has(l));
  const equation = spell([[...output], ...others], reached);
  let grad = e.op('Einsum', inputs, { equation: attr.string(equation) });
  const stretched = reached.flatMap((l, i) => {
    const own = dims[labels.indexOf(l)];
    const at = output.indexOf(l);
    const sizes = [
      at >= 0 ? outDims[at] : 1,
      ...operands.map((o, j) => (o.includes(l) ? site.dims(site.x(j))[o.indexOf(l)] : 1)),
    ];
    return own === 1 && sizes.some(s => s !== 1) ? [i] : [];
  });
  grad = e.sum(grad, stretched, true);
  const alone = labels.flatMap((l, i) => (available.has(l) ? [] : [i]));
  if (alone.length === 0) return grad;
  const spread = dims.map((d, i) => (alone.includes(i) ? 1 : d));
  return site.expandLike(e.unsqueeze(grad, alone), name, spread);
}
