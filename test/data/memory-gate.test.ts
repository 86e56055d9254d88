import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMemoryGate } from '../../src/data/pixels/memory-gate.ts';

test('work under way never needs more than there is, unless it runs alone, and all of it is done', async () => {
  const property = fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 150 }), { maxLength: 20 }), async sizes => {
    const gate = createMemoryGate(100);
    let [used, running, done] = [0, 0, 0];
    await Promise.all(
      sizes.map((bytes, i) =>
        gate
          .run(bytes, async () => {
            used += bytes;
            running++;
            expect(used <= 100 || running === 1).toBe(true);
            for (let k = 0; k < i % 4; k++) await null;
            used -= bytes;
            running--;
            done++;
            if (i % 5 === 4) throw new Error('failed');
          })
          .catch(() => {}),
      ),
    );
    expect(done).toBe(sizes.length);
  });
  await fc.assert(property);
});
