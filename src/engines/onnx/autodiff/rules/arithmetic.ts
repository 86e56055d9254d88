import { complement } from '../pointwise.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

/** y = a + b: g, summed over what was broadcast. */
export const add = defineRule('Add', site => [() => site.reduce(site.g, 0), () => site.reduce(site.g, 1)]);

/** y = a − b: g and −g. */
export const sub = defineRule('Sub', site => [() => site.reduce(site.g, 0), () => site.e.neg(site.reduce(site.g, 1))]);

/** y = a·b: g·b and g·a. */
export const mul = defineRule('Mul', site => {
  const [a, b] = [site.x(0), site.x(1)];
  if (isSigmoidOf(site, b, a)) return [() => siluGradient(site, b), () => undefined];
  if (isSigmoidOf(site, a, b)) return [() => undefined, () => siluGradient(site, a)];
  return [() => site.reduce(site.e.mul(site.g, b), 0), () => site.reduce(site.e.mul(site.g, a), 1)];
});

function isSigmoidOf(site: Site, s: string, x: string): boolean {
  const node = site.producer(s);
  return node?.op === 'Sigmoid' && node.inputs[0] === x;
}

/** y = x·s with s = σ(x), together: g·(s + y(1 − s)). Apart they would take half as many passes again. */
function siluGradient(site: Site, s: string): string {
  const { e, g } = site;
  return e.mul(g, e.add(s, e.mul(site.y(), complement(e, s))));
}

/** y = a/b: g/b and −g·y/b. */
export const div = defineRule('Div', site => {
  const { e, g } = site;
  return [() => site.reduce(e.div(g, site.x(1)), 0), () => site.reduce(e.neg(e.div(e.mul(g, site.y()), site.x(1))), 1)];
});

/** y = Σ xᵢ: g for each. */
export const sum = defineRule('Sum', site => site.node.inputs.map((_, i) => () => site.reduce(site.g, i)));

/** y = Σ xᵢ / n: g/n for each. */
export const mean = defineRule('Mean', site => {
  const n = site.node.inputs.length;
  return site.node.inputs.map((_, i) => () => site.reduce(site.e.mul(site.g, 1 / n), i));
});

/** y = a − b·⌊a/b⌋ (or truncated with fmod = 1): g for a. */
export const mod = defineRule('Mod', site => [() => site.reduce(site.g, 0)]);
