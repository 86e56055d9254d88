import { describe, expect, test } from 'vitest';
import { RULES } from '../../../../src/engines/onnx/autodiff/index.ts';
import { CASES } from './cases/index.ts';
import { gradientCheck } from './harness.ts';

describe('gradients against central differences', () => {
  for (const [group, cases] of Object.entries(CASES)) {
    describe(group, () => {
      test.each(cases.map(c => [`${c.nodes.map(n => n.op).join(' → ')}: ${c.note}`, c] as const))(
        '%s',
        async (_, c) => {
          for (const [wrt, { error, analytic, numeric }] of Object.entries(await gradientCheck(c))) {
            const detail = `with respect to ${wrt}: ${analytic.slice(0, 12)} instead of ${numeric.slice(0, 12)}`;
            expect(error, detail).toBeLessThan(c.tolerance ?? 2e-3);
          }
        },
      );
    });
  }
});

/** Staircases, whose gradient is not their derivative: see the quantised networks. */
const STRAIGHT_THROUGH = ['QuantizeLinear', 'DequantizeLinear'].flatMap(name => [name, `com.microsoft:${name}`]);

test('every rule has cases', () => {
  const tried = new Set(Object.values(CASES).flatMap(cases => cases.flatMap(c => c.nodes.map(n => n.op))));
  const untried = RULES.flatMap(rule => rule.operators).filter(
    operator => !tried.has(operator) && !STRAIGHT_THROUGH.includes(operator),
  );
  expect(untried).toEqual([]);
});

test('no operator has two rules', () => {
  const operators = RULES.flatMap(rule => rule.operators);
  expect(operators.filter((operator, i) => operators.indexOf(operator) !== i)).toEqual([]);
});
