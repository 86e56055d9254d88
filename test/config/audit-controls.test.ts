import { expect, it } from 'vitest';
import { withAuditControls } from '../../src/config/audit-controls.ts';
import type { Suite } from '../../src/config/schema.ts';
import type { Dataset } from '../../src/core/contracts/index.ts';

const data = (factors: number) =>
  ({
    async *samples() {
      yield { factors: Array.from({ length: factors }, () => ({})) };
    },
  }) as unknown as Dataset;
const suite = (audit: string, controls: unknown[] = ['random'], models = ['one']) =>
  ({ audit, controls, models }) as unknown as Suite;

it('adds the truth, whole and mixed, where the data knows it and the suite has not', async () => {
  expect((await withAuditControls(suite('short'), data(2), 10)).controls).toEqual(['random', 'oracle', 'oracle-mixed']);
  const has = suite('short', ['oracle', { use: 'oracle-mixed', options: { share: 0.2 } }]);
  expect((await withAuditControls(has, data(2), 10)).controls).toEqual(has.controls);
  const { controls } = await withAuditControls(suite('full'), data(2), 2);
  expect(controls.slice(2)).toMatchObject([
    { id: 'oracle-mixed-25' },
    { id: 'oracle-mixed-50' },
    { id: 'oracle-mixed-75' },
    { use: 'random', id: 'random-blurred', options: { blur: 8 } },
  ]);
  const two = await withAuditControls(suite('short', ['random'], ['one', 'two']), data(2), 10);
  expect(two.controls).toEqual(['random', 'oracle', 'oracle-mixed', 'oracle-other']);
});

it('adds nothing without a truth, where it is off, or, if short, beyond 30 % more maps', async () => {
  for (const [given, on] of [
    [suite('short'), data(0)],
    [suite('off'), data(2)],
  ] as const) {
    expect(await withAuditControls(given, on, 10)).toBe(given);
  }
  expect((await withAuditControls(suite('short'), data(2), 5)).controls).toEqual(['random', 'oracle']);
  expect((await withAuditControls(suite('short'), data(2), 3)).controls).toEqual(['random']);
});
