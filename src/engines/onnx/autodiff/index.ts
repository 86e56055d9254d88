/**
 * Reverse-mode differentiation of ONNX graphs: gradients as ordinary ONNX operators, so that they run wherever the
 * model runs.
 */
export { differentiate, differentiateAll, type GradientGraph, type GradientRequest } from './differentiate.ts';
export { derivativeSeeding } from './rule-sets/derivative-seeding.ts';
export { ruleSetOf } from './rule-sets/index.ts';
export type { Seeding } from './rule-sets/seeding.ts';
export { RULES } from './rules/index.ts';
export { operatorsWithoutRule } from './without-rule.ts';
