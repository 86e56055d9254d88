import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { inOrder } from '../../../src/engines/shared/in-order.ts';

/** Jobs that end when they are told to. */
function jobs() {
  const open = new Map<number, { resolve: (value: number) => void; reject: (error: Error) => void }>();
  return {
    open,
    start: (i: number) => new Promise<number>((resolve, reject) => open.set(i, { resolve, reject })),
    end(i: number, error?: Error) {
      const job = open.get(i)!;
      open.delete(i);
      if (error) job.reject(error);
      else job.resolve(i);
    },
  };
}

const turn = () => new Promise(resolve => setImmediate(resolve));

describe('inOrder', () => {
  it('hands results over in order, however they come, and never starts more than the window', async () => {
    const cases = fc.tuple(
      fc.integer({ min: 0, max: 12 }),
      fc.integer({ min: 1, max: 4 }),
      fc.infiniteStream(fc.nat()),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ([count, window, picks]) => {
        const { open, start, end } = jobs();
        const got: number[] = [];
        let most = 0;
        const all = inOrder(count, window, start, (i, r) => {
          expect(r).toBe(i);
          got.push(i);
        });
        for (let done = 0; done < count; done++) {
          await turn();
          most = Math.max(most, open.size);
          const waiting = [...open.keys()];
          end(waiting[picks.next().value % waiting.length]!);
        }
        await all;
        expect(got).toEqual(Array.from({ length: count }, (_, i) => i));
        expect(most).toBeLessThanOrEqual(window);
      }),
      { numRuns: 40 },
    );
  });

  it('waits for what is under way before it reports a failure, and starts nothing more', async () => {
    const { open, start, end } = jobs();
    let settled = false;
    const all = inOrder(10, 3, start, () => undefined).finally(() => {
      settled = true;
    });
    const failed = expect(all).rejects.toThrow('first');
    await turn();
    end(0, new Error('first'));
    await turn();
    expect([...open.keys()]).toEqual([1, 2]);
    expect(settled).toBe(false);
    end(1, new Error('second'));
    end(2);
    await failed;
  });

  it('stops at an abort', async () => {
    const controller = new AbortController();
    const { open, start, end } = jobs();
    const all = inOrder(10, 2, start, () => controller.abort(), controller.signal);
    const failed = expect(all).rejects.toMatchObject({ code: 'INTERRUPTED' });
    await turn();
    end(0);
    await turn();
    end(1);
    await failed;
    expect(open.size).toBe(0);
  });
});
