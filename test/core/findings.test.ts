import { describe, expect, it } from 'vitest';
import { findingIn, thresholdOf, thresholdsOf } from '../../src/core/findings.ts';
import { predicts, predictsByProbability } from '../../src/core/predicts.ts';

describe('what a table says of a finding', () => {
  it.each([
    ['1', true],
    ['1.0', true],
    [' Yes ', true],
    ['TRUE', true],
    ['0', false],
    ['0.0', false],
    ['negative', false],
    ['', undefined],
    ['-1.0', undefined],
    ['NaN', undefined],
    ['2', 'unreadable'],
    ['0.5', 'unreadable'],
    ['maybe', 'unreadable'],
  ] as const)("'%s'", (cell, said) => {
    expect(findingIn(cell)).toBe(said);
  });
});

it('a finding is predicted from its threshold on, 0.5 unless the card says another', () => {
  expect(thresholdOf({}, 'Mass')).toBe(0.5);
  expect(thresholdOf({ threshold: 0.3 }, 'Mass')).toBe(0.3);
  expect(thresholdOf({ threshold: { Mass: 0.2 } }, 'Mass')).toBe(0.2);
  expect(thresholdOf({ threshold: { Mass: 0.2 } }, 'Nodule')).toBe(0.5);
});

it('a class is predicted where its score is the greatest; a finding where its log-odds are above 0', () => {
  expect([0, 1, 2].map(c => predicts({}, [1, 3, 2], c))).toEqual([false, true, false]);
  expect([0, 1, 2].map(c => predicts({ independent: true }, [1, 3, -2], c))).toEqual([true, true, false]);
  expect(predicts({}, [2, 2], 1)).toBe(true);
  const strict = {
    independent: true,
    thresholds: thresholdsOf({ task: 'multi-label', classes: ['a', 'b'], threshold: { b: 0.9 } })!,
  };
  expect([0, 1].map(c => predicts(strict, [1, 1], c))).toEqual([true, false]);
  expect([0, 1].map(c => predictsByProbability(strict, [0.5, 0.91], c))).toEqual([true, true]);
  expect(predicts({ regression: true }, [1, 3], 0)).toBe(true);
});
