import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCounter } from '../../src/jobs/pass-counter.ts';
import { createSharedWork } from '../../src/jobs/shared-work.ts';
import { predictedOf, targetOf } from '../../src/jobs/target.ts';
import { forEachConcurrently } from '../../src/runners/concurrently.ts';

async function* numbers(n: number) {
  for (let i = 0; i < n; i++) yield i;
}

describe('the pool', () => {
  test('does everything once, in order, never more at a time than allowed', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(30), fc.integer({ min: 1, max: 5 }), async (n, width) => {
        const begun: [number, number][] = [];
        let [now, most] = [0, 0];
        await forEachConcurrently(numbers(n), width, async (item, index) => {
          begun.push([item, index]);
          most = Math.max(most, ++now);
          for (let i = 0; i < item % 3; i++) await Promise.resolve();
          now--;
        });
        expect(begun).toEqual(Array.from({ length: n }, (_, i) => [i, i]));
        expect(most).toBeLessThanOrEqual(width);
      }),
    );
  });

  test('rejects with the first error, after what is under way, and begins nothing more', async () => {
    const begun: number[] = [];
    let ended = 0;
    const work = async (item: number) => {
      begun.push(item);
      await new Promise(resolve => setImmediate(resolve));
      ended++;
      if (item >= 2) throw new Error(`at ${item}`);
    };
    await expect(forEachConcurrently(numbers(100), 2, work)).rejects.toThrow('at 2');
    expect(ended).toBe(begun.length);
    expect(begun.length).toBeLessThan(6);
  });
});

describe('shared work', () => {
  test('is done once, and counted by everyone who takes it', async () => {
    const shared = createSharedWork();
    const counters = [createCounter(), createCounter()];
    let done = 0;
    const values = [];
    for (const counter of counters) {
      values.push(
        await shared.memoFor(counter)('key', async () => {
          done++;
          counter.forward(5);
          return 'value';
        }),
      );
    }
    expect([done, values]).toEqual([1, ['value', 'value']]);
    expect(counters.map(c => c.read().forward)).toEqual([5, 5]);
    expect(counters.map(c => c.saved().forward)).toEqual([0, 5]);
  });

  test('that fails is tried again by the next', async () => {
    const memo = createSharedWork().memoFor(createCounter());
    await expect(memo('key', () => Promise.reject(new Error('once')))).rejects.toThrow('once');
    expect(await memo('key', async () => 3)).toBe(3);
  });
});

test('the class explained is the first of the likeliest, the label, or always the same', () => {
  expect(predictedOf([0.2, 0.4, 0.4])).toBe(1);
  const classes = ['a', 'b', 'x'];
  expect(targetOf({ kind: 'predicted' }, classes, [0.9, 0.1], 1)).toBe(0);
  expect(targetOf({ kind: 'label' }, classes, [0.9, 0.1], 1)).toBe(1);
  expect(targetOf({ kind: 'label' }, classes, [0.9, 0.1], undefined)).toBeUndefined();
  expect(targetOf({ kind: 'class', name: 'x' }, classes, [0.9, 0.1], 1)).toBe(2);
});
