import { attr, type Constant, type Node, numbersOf, read } from '../../graph/graph.ts';
import { producers, readBy } from '../../graph/walk.ts';
import type { NormalisedModel } from '../../load/load-model.ts';
import { complement } from '../pointwise.ts';
import { defineRule, type Rule } from '../rule.ts';
import { ruleOf } from '../rules/index.ts';

/** The nodes of a path with activations as one node each, and the derivative of each node. */
export interface PathView {
  readonly nodes: readonly Node[];
  ruleOf(node: Node): Rule | undefined;
}

/**
 * Exporters write SiLU, GELU, hard swish and Mish as a handful of operators that join again in a product, and others by
 * a choice (Where). Rules that are no derivatives must see the activation, not the product. Found by value: operators
 * that work on single numbers are evaluated at a few points, and compared with the activations up to a constant factor.
 */
export function asOneOperator(nodes: readonly Node[], model: NormalisedModel): PathView {
  const made = producers(model.graph);
  const readers = new Map<string, Node[]>();
  for (const node of model.graph.nodes) {
    for (const name of readBy(node)) readers.set(name, [...(readers.get(name) ?? []), node]);
  }
  const whole = new Map<Node, { node: Node; rule: Rule }>();
  const inside = new Set<Node>();
  for (const end of nodes) {
    if (!ENDS.has(end.op)) continue;
    const found = activationAt(end, made, model.values);
    if (!found) continue;
    const { source, region, activation, factor } = found;
    const inner = [...region].filter(node => node !== end);
    const closed = inner.every(node => readers.get(node.outputs[0]!)!.every(reader => region.has(reader)));
    if (!closed) continue;
    const { op, domain, attrs, rule } = activation;
    const node: Node = { op, domain, name: end.name, inputs: [source], outputs: end.outputs, attrs };
    whole.set(end, { node, rule: factor === 1 ? rule : scaled(rule, factor) });
    for (const other of inner) inside.add(other);
  }
  const rules = new Map([...whole.values()].map(({ node, rule }) => [node, rule]));
  return {
    nodes: nodes.filter(node => !inside.has(node)).map(node => whole.get(node)?.node ?? node),
    ruleOf: node => rules.get(node) ?? ruleOf(node),
  };
}

/** Operators in which the parts of an activation meet. */
const ENDS: ReadonlySet<string> = new Set(['Mul', 'Div', 'Where']);

/** An activation as a function, as a node that stands for it, and its derivative through x alone. */
interface Activation {
  readonly op: string;
  readonly domain: string;
  readonly attrs: Node['attrs'];
  readonly rule: Rule;
  f(x: number): number;
}

const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));
const softplus = (x: number) => Math.log1p(Math.exp(x));

function builtIn(op: string, f: (x: number) => number, attrs: Node['attrs'] = {}): Activation {
  return { op, domain: '', attrs, f, rule: ruleOf({ op, domain: '', name: '', inputs: [], outputs: [], attrs })! };
}

/** y = x·σ(βx): g·(s + βx·s(1 − s)) with s = σ(βx). */
function siluOf(op: string, beta: number): Activation {
  const rule = defineRule(`ct-xai:${op}`, ({ e, g, x }) => [
    () => {
      const inner = e.mul(x(), beta);
      const s = e.op('Sigmoid', [inner]);
      return e.mul(g, e.add(s, e.mul(inner, e.mul(s, complement(e, s)))));
    },
  ]);
  return { op, domain: 'ct-xai', attrs: {}, rule, f: x => x * sigmoid(beta * x) };
}

const ACTIVATIONS: readonly Activation[] = [
  siluOf('Silu', 1),
  siluOf('QuickGelu', 1.702),
  builtIn('Gelu', x => 0.5 * x * (1 + erf(x * Math.SQRT1_2))),
  builtIn('Gelu', x => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))), {
    approximate: attr.string('tanh'),
  }),
  builtIn('HardSwish', x => x * Math.min(1, Math.max(0, x / 6 + 0.5))),
  builtIn('Mish', x => x * Math.tanh(softplus(x))),
  builtIn('Softplus', softplus),
  builtIn('Relu', x => Math.max(0, x)),
];

/** The leaky ReLU of the slope that was found. */
const leaky = (alpha: number) => builtIn('LeakyRelu', x => (x < 0 ? alpha * x : x), { alpha: attr.float(alpha) });

function scaled(rule: Rule, factor: number): Rule {
  return defineRule(rule.operators, site => {
    const [inner] = rule.differentiate(site);
    return [() => site.e.mul(inner!()!, factor)];
  });
}

/** Where activations are compared: the bends of all of them lie between. */
const POINTS = [-5, -3.2, -2.5, -1, -0.4, -0.1, 0.1, 0.4, 1, 2.5, 3.2, 5];
const TOLERANCE = 1e-5;

function activationAt(
  end: Node,
  made: ReadonlyMap<string, Node>,
  values: ReadonlyMap<string, Constant>,
): { source: string; region: Set<Node>; activation: Activation; factor: number } | undefined {
  const [, source] = chain(end.outputs[0]!, made, values);
  if (source === undefined || end.inputs.filter(name => !values.has(name)).length < 2) return undefined;
  if (end.inputs.every(name => name === source)) return undefined;
  const region = new Set<Node>();
  const at = POINTS.map(x => evaluate(end.outputs[0]!, new Map([[source, x]]), made, values, region));
  const last = POINTS.length - 1;
  const slope = (at[0]! * POINTS[last]!) / (at[last]! * POINTS[0]!);
  const candidates = slope > 0 && slope < 1 ? [...ACTIVATIONS, leaky(slope)] : ACTIVATIONS;
  for (const activation of candidates) {
    const factor = at[last]! / activation.f(POINTS[last]!);
    const same = POINTS.every((x, i) => Math.abs(at[i]! - factor * activation.f(x)) <= TOLERANCE * Math.abs(factor));
    // A constant in float32 is not quite what it says: 1/6 · 6.
    if (same) return { source, region, activation, factor: Math.abs(factor - 1) < TOLERANCE ? 1 : factor };
  }
  return undefined;
}

/** Operators on single numbers, with the values that they have there. */
const POINTWISE: Readonly<Record<string, (values: readonly number[], node: Node) => number>> = {
  Add: ([a, b]) => a! + b!,
  Sub: ([a, b]) => a! - b!,
  Mul: ([a, b]) => a! * b!,
  Div: ([a, b]) => a! / b!,
  Pow: ([a, b]) => a! ** b!,
  Neg: ([a]) => -a!,
  Exp: ([a]) => Math.exp(a!),
  Log: ([a]) => Math.log(a!),
  Sqrt: ([a]) => Math.sqrt(a!),
  Reciprocal: ([a]) => 1 / a!,
  Tanh: ([a]) => Math.tanh(a!),
  Erf: ([a]) => erf(a!),
  Sigmoid: ([a]) => sigmoid(a!),
  Softplus: ([a]) => softplus(a!),
  Relu: ([a]) => Math.max(0, a!),
  Abs: ([a]) => Math.abs(a!),
  Sign: ([a]) => Math.sign(a!),
  Cast: ([a]) => a!,
  Min: values => Math.min(...values),
  Max: values => Math.max(...values),
  Greater: ([a, b]) => Number(a! > b!),
  GreaterOrEqual: ([a, b]) => Number(a! >= b!),
  Less: ([a, b]) => Number(a! < b!),
  LessOrEqual: ([a, b]) => Number(a! <= b!),
  Not: ([a]) => 1 - a!,
  Where: ([condition, a, b]) => (condition ? a! : b!),
  Clip: ([a, low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY]) => Math.min(high, Math.max(low, a!)),
  HardSigmoid: ([a], node) =>
    Math.min(1, Math.max(0, read.float(node, 'alpha', 0.2) * a! + read.float(node, 'beta', 0.5))),
};

/** A node that makes a number of one other, with constants that are single numbers. */
function pointwiseNode(name: string, made: ReadonlyMap<string, Node>): Node | undefined {
  const node = made.get(name);
  return node && node.domain === '' && POINTWISE[node.op] ? node : undefined;
}

function scalar(name: string, values: ReadonlyMap<string, Constant>): number | undefined {
  const value = values.get(name);
  return value?.data.length === 1 ? numbersOf(value)[0] : undefined;
}

/** The longest chain of operators that an activation is made of. */
const LONGEST = 12;

/** The tensors that `name` is a function of a single number of, itself first; constants have none. */
function chain(
  name: string,
  made: ReadonlyMap<string, Node>,
  values: ReadonlyMap<string, Constant>,
  depth = LONGEST,
): string[] {
  if (values.has(name)) return [];
  const node = depth > 0 ? pointwiseNode(name, made) : undefined;
  if (!node) return [name];
  const varying = node.inputs.filter(input => input !== '' && !values.has(input));
  const fixed = node.inputs.filter(input => values.has(input));
  if (varying.length === 0 || fixed.some(input => scalar(input, values) === undefined)) return [name];
  const [first, ...others] = varying.map(input => chain(input, made, values, depth - 1));
  return [name, ...first!.filter(source => others.every(list => list.includes(source)))];
}

function evaluate(
  name: string,
  known: Map<string, number>,
  made: ReadonlyMap<string, Node>,
  values: ReadonlyMap<string, Constant>,
  region: Set<Node>,
): number {
  const there = known.get(name) ?? scalar(name, values);
  if (there !== undefined) return there;
  const node = pointwiseNode(name, made);
  if (!node) return Number.NaN;
  region.add(node);
  const inputs = node.inputs.map(input =>
    input === '' ? undefined : evaluate(input, known, made, values, region),
  ) as number[];
  const value = POINTWISE[node.op]!(inputs, node);
  known.set(name, value);
  return value;
}

/** The error function to 1.5e-7 (Abramowitz and Stegun, 7.1.26). */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const terms = [1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592];
  const tail = terms.reduce((sum, a) => (sum + a) * t, 0) * Math.exp(-x * x);
  return Math.sign(x) * (1 - tail);
}
