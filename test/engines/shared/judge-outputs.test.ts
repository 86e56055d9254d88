import { describe, expect, it } from 'vitest';
import {
  judgeBeforeTail,
  judgeOutputs,
  type OutputClaim,
  staysBounded,
} from '../../../src/engines/shared/judge-outputs.ts';

const rows = (...values: number[][]) => values.map(row => Float32Array.from(row));

const claim = (change: Partial<OutputClaim> = {}): OutputClaim => ({
  file: 'm.onnx',
  task: 'softmax',
  emits: 'logits',
  explainAt: 'logits',
  ...change,
});

const logits = rows([2, -1], [-0.5, 3]);
const probabilities = rows([0.9, 0.1], [0.25, 0.75]);
const findings = rows([0.9, 0.8], [0.25, 0.15]);

describe('outputs that a card describes rightly', () => {
  it.each<[string, Float32Array[], Partial<OutputClaim>]>([
    ['logits', logits, {}],
    ['probabilities', probabilities, { emits: 'probabilities' }],
    ['probabilities behind a softmax that is cut off', probabilities, { tail: 'Softmax' }],
    ['log-probabilities', rows([-0.1, -2.3], [-0.7, -0.69]), { emits: 'probabilities', tail: 'LogSoftmax' }],
    ['one sigmoid unit', rows([0.1], [0.7]), { task: 'sigmoid', emits: 'probabilities' }],
    ['findings', findings, { task: 'multi-label', emits: 'probabilities' }],
    ['a regression', rows([0.25], [0.75]), { task: 'regression' }],
  ])('%s', (_, outputs, change) => {
    const { warnings, ifBounded } = judgeOutputs(outputs, claim(change));
    expect([warnings, ifBounded]).toEqual([[], undefined]);
  });

  it('are summed up in words', () => {
    expect(judgeOutputs(logits, claim()).emits).toBe('values from -1 to 3, with sums of 1 to 2.5 per image');
    expect(judgeOutputs(rows([0.5], [2]), claim({ task: 'sigmoid' })).emits).toBe('values from 0.5 to 2');
  });
});

describe('a card that cannot be true is refused, and told what to write', () => {
  it.each<[string, Float32Array[], Partial<OutputClaim>, RegExp]>([
    ['logits called probabilities', logits, { emits: 'probabilities' }, /'emits: logits'/],
    ['a mean of softmaxes called logits', probabilities, {}, /'emits: probabilities' and 'explainAt: output'/],
    [
      'votes that agree called logits',
      rows([0, 1, 0], [0, 1, 0]),
      {},
      /'emits: probabilities' and 'explainAt: output'/,
    ],
    ['percentages', rows([90, 10], [25, 75]), { emits: 'probabilities', explainAt: 'output' }, /percentages/],
    ['percentages called logits', rows([90, 10], [25, 75]), {}, /percentages/],
    ['one percentage', rows([90], [25]), { task: 'sigmoid', emits: 'probabilities' }, /percentages/],
    ['findings called classes', findings, { emits: 'probabilities' }, /'task: multi-label'/],
    ['a logit called a probability', rows([-1], [2]), { task: 'sigmoid', emits: 'probabilities' }, /'emits: logits'/],
  ])('%s', (_, outputs, change, hint) => {
    expect(() => judgeOutputs(outputs, claim(change))).toThrow(
      expect.objectContaining({ code: 'CARD', hint: expect.stringMatching(hint) }),
    );
  });
});

describe('what is doubtful', () => {
  it('are logits that all lie between 0 and 1, if they stay there', () => {
    expect(judgeOutputs(findings, claim()).ifBounded).toMatch(/all outputs lie between 0 and 1/);
    expect(judgeOutputs(rows([0.2], [0.9]), claim({ task: 'sigmoid' })).ifBounded).toBeDefined();
    expect(staysBounded(findings)).toBe(true);
    expect(staysBounded([...findings, ...rows([1.2, 0.1])])).toBe(false);
  });

  it('is what goes into a sigmoid between 0 and 1, and certain only where it sums to 1', () => {
    const logits = judgeBeforeTail(rows([0.518], [0.519]), 'Sigmoid');
    expect(logits.warnings).toEqual([]);
    expect(logits.ifBounded).toMatch(/lies between 0 and 1 on all test images.*If the network has two such operators/);
    expect(judgeBeforeTail(probabilities, 'Softmax').warnings[0]).toMatch(/are probabilities already/);
  });

  it('are scores that no image changes, and scores that are not finite', () => {
    expect(judgeOutputs(rows([0.3, 0.9], [0.3, 0.9]), claim()).warnings[0]).toMatch(/the same scores/);
    expect(judgeOutputs(rows([Number.NaN, 0.9], [0.3, 0.9]), claim()).warnings[0]).toMatch(/NaN or infinite/);
  });
});
