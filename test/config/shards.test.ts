import fc from 'fast-check';
import { expect, test } from 'vitest';
import { plannedImages } from '../../src/config/samples.ts';
import type { Dataset, Sample } from '../../src/core/contracts/index.ts';

function planOf(patients: readonly number[], limit?: number) {
  const samples = patients.map((patient, i) => ({ id: `s${i}`, patient: `p${patient}`, label: i % 2 ? 'a' : 'b' }));
  const dataset = {
    count: samples.length,
    async *samples() {
      yield* samples as unknown as Sample[];
    },
  } as unknown as Dataset;
  return { dataset, ...(limit === undefined ? {} : { limit }) };
}

async function read(plan: ReturnType<typeof planOf>, shard?: { index: number; of: number }) {
  const images: { id: string; patient: string; index: number }[] = [];
  for await (const { sample, index } of plannedImages(plan, shard)) {
    images.push({ id: sample.id, patient: sample.patient, index });
  }
  return images;
}

const patients = fc.array(fc.nat({ max: 12 }), { minLength: 1, maxLength: 60 });

test('the shards of a plan are its images, each once, and no patient is in two', async () => {
  await fc.assert(
    fc.asyncProperty(
      patients,
      fc.integer({ min: 1, max: 7 }),
      fc.option(fc.integer({ min: 1, max: 40 })),
      async (ids, of, limit) => {
        const plan = planOf(ids, limit ?? undefined);
        const shards = await Promise.all(Array.from({ length: of }, (_, i) => read(plan, { index: i + 1, of })));
        const whole = await read(plan);
        expect(shards.flat().sort((a, b) => a.index - b.index)).toEqual(whole);
        expect(whole.map(image => image.index)).toEqual(whole.map((_, i) => i));
        for (const patient of new Set(whole.map(image => image.patient))) {
          expect(shards.filter(shard => shard.some(image => image.patient === patient))).toHaveLength(1);
        }
      },
    ),
  );
});

test('with one image a patient, shards differ by one image at most', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 8 }), async (count, of) => {
      const plan = planOf(Array.from({ length: count }, (_, i) => i));
      const sizes = await Promise.all(
        Array.from({ length: of }, async (_, i) => (await read(plan, { index: i + 1, of })).length),
      );
      expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
    }),
  );
});
