import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ScoreKind } from '../../../src/core/contracts/index.ts';
import { type Head, scoresOf } from '../../../src/engines/shared/scores.ts';

function scores(raw: readonly number[], head: Head, as: ScoreKind): number[] {
  const out = new Float64Array(head.task === 'sigmoid' ? 2 : raw.length);
  scoresOf(raw, head, as, out);
  return [...out];
}

const softmax: Head = { task: 'softmax', values: 'logits' };
const sigmoid: Head = { task: 'sigmoid', values: 'logits' };
const logits = fc.array(fc.double({ min: -30, max: 30, noNaN: true }), { minLength: 2, maxLength: 12 });

describe('scores of logits', () => {
  it('are probabilities that sum to one, and margins that are their log-odds', () => {
    fc.assert(
      fc.property(logits, z => {
        const [p, f] = [scores(z, softmax, 'probability'), scores(z, softmax, 'margin')];
        expect(p.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
        z.forEach((_, t) => {
          const others = p.reduce((sum, v, c) => (c === t ? sum : sum + v), 0);
          expect(f[t]!).toBeCloseTo(Math.log(p[t]!) - Math.log(others), 8);
        });
      }),
    );
  });

  it('do not overflow, nor lose the margin of a class that is all but certain', () => {
    expect(scores([1000, 0, -1000], softmax, 'probability')).toEqual([1, 0, 0]);
    // In float32 probabilities, 1 − p is 0 here.
    expect(scores([40, 1, 0], softmax, 'margin')[0]).toBeCloseTo(40 - Math.log(Math.E + 1), 12);
    expect(scores([5, 5], softmax, 'margin')).toEqual([0, 0]);
  });

  it('of two classes have margins of opposite sign', () => {
    expect(scores([1.5, -2], softmax, 'margin')).toEqual([3.5, -3.5]);
  });

  it('of one sigmoid unit are ±z and σ(±z), never the softmax of a pair', () => {
    expect(scores([2], sigmoid, 'logit')).toEqual([-2, 2]);
    expect(scores([2], sigmoid, 'margin')).toEqual([-2, 2]);
    const [p0, p1] = scores([2], sigmoid, 'probability') as [number, number];
    expect(p1).toBeCloseTo(1 / (1 + Math.exp(-2)), 12);
    expect(p0 + p1).toBeCloseTo(1, 12);
  });
});

describe('scores of probabilities', () => {
  it('are the output itself, and log-odds', () => {
    const head: Head = { task: 'softmax', values: 'probabilities' };
    expect(scores([0.5, 0.25, 0.25], head, 'logit')).toEqual([0.5, 0.25, 0.25]);
    expect(scores([0.5, 0.25, 0.25], head, 'margin')[1]).toBeCloseTo(Math.log(1 / 3), 12);
  });

  it('of a sigmoid unit are [1 − p, p]', () => {
    const head: Head = { task: 'sigmoid', values: 'probabilities' };
    expect(scores([0.75], head, 'probability')).toEqual([0.25, 0.75]);
    expect(scores([0.75], head, 'margin')[1]).toBeCloseTo(Math.log(3), 12);
  });
});
