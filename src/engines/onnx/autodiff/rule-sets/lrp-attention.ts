import { type Constant, type Node, numbersOf, read } from '../../graph/graph.ts';
import { defineRule, type Rule } from '../rule.ts';
import { withFixedDeviation } from '../rules/normalization.ts';
import type { Site } from '../site.ts';
import { shares } from './lrp-layers.ts';

/**
 * The first-order Taylor expansion of y = softmax(x) at x, whose constant term keeps its part: x·(R − y·Σ R)
 * (Achtibat et al. 2024, proposition 3.1). Where y is 0, behind a mask, nothing comes back.
 */
export const softmaxRelevance: Rule = defineRule('Softmax', site => [
  () => {
    const { e, g } = site;
    const y = site.y();
    const axis = site.axis(read.int(site.node, 'axis', -1));
    const handed = e.sub(g, e.mul(y, e.sum(g, [axis])));
    return e.where(e.equal(y, 0), 0, e.mul(site.x(), handed));
  },
]);

/**
 * y = γ·(x − mean)/√(var + ε) + β: ε for what is linear, and all that reaches the quotient goes to what is divided
 * (Achtibat et al. 2024, proposition 3.4). Undefined for other operators.
 */
export function normalisationRelevance({ op }: Node): Rule | undefined {
  const fixed = withFixedDeviation.get(op);
  return fixed && shares(fixed);
}

/** The two inputs that vary of an operator that is linear in each, with weights for what each gets of its own share. */
export function bilinearRelevance(standard: Rule, weights: readonly number[]): Rule {
  const whole = shares(standard);
  return defineRule(standard.operators, site =>
    whole.differentiate(site).map((emit, i) => emit && (() => weighted(site, emit, weights[i] ?? 0))),
  );
}

/** Elementwise product: each factor gets a part of R as it is. */
export const productRelevance = (weights: readonly number[]): Rule =>
  defineRule('Mul', site =>
    site.node.inputs.map((_, i) => () => weighted(site, () => site.reduce(site.g, i), weights[i]!)),
  );

function weighted(site: Site, emit: () => string | undefined, weight: number): string | undefined {
  if (weight === 0) return undefined;
  const relevance = emit();
  return relevance === undefined ? undefined : site.e.mul(relevance, weight);
}

/** Operators whose results are weights or scales, and no signal: all of them at least 0. */
const GATES: ReadonlySet<string> = new Set([
  ...['Sigmoid', 'HardSigmoid', 'Softmax', 'Sqrt', 'Reciprocal', 'ReduceL1', 'ReduceL2', 'Exp'],
]);

/** What leaves a gate one. */
const MOVING: ReadonlySet<string> = new Set([
  ...['Reshape', 'Expand', 'Unsqueeze', 'Squeeze', 'Flatten', 'Transpose', 'Resize', 'Slice', 'Split', 'Gather'],
  ...['Identity', 'Dropout', 'Cast', 'ReduceSum', 'ReduceMean'],
]);

/** Operators that scale or shift a gate where their other input is constant. */
const SCALING: ReadonlySet<string> = new Set(['Mul', 'Div', 'Add', 'Max']);

/**
 * Whether a tensor is a gate: the weights of a sigmoid or a softmax, or a scale such as a norm, perhaps moved about,
 * scaled or divided by another.
 */
export function isGate(name: string, made: ReadonlyMap<string, Node>, values: ReadonlyMap<string, Constant>): boolean {
  const node = made.get(name);
  if (node?.domain !== '') return false;
  const inner = (i: number) => isGate(node.inputs[i]!, made, values);
  const constant = (i: number) => values.has(node.inputs[i] ?? '');
  if (GATES.has(node.op)) return true;
  if (node.op === 'Pow') return constant(1) && numbersOf(values.get(node.inputs[1]!)!).every(p => p < 0);
  if (node.op === 'Clip') return inner(0) || isHardSigmoid(node, made, values);
  if (MOVING.has(node.op)) return inner(0);
  if (node.op === 'Div' && !constant(1)) return constant(0) || inner(0);
  if (!SCALING.has(node.op)) return false;
  return (constant(0) && inner(1)) || (constant(1) && inner(0));
}

/** min(max(x + a, 0), b) with numbers a and b, as exporters write a hard sigmoid. */
function isHardSigmoid(clip: Node, made: ReadonlyMap<string, Node>, values: ReadonlyMap<string, Constant>): boolean {
  const shift = made.get(clip.inputs[0]!);
  const bounded = [1, 2].every(i => values.has(clip.inputs[i] ?? ''));
  return bounded && shift?.op === 'Add' && shift.inputs.some(name => values.get(name)?.data.length === 1);
}
