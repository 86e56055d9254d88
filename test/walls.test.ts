import { readFileSync } from 'node:fs';
import { cruise, type ICruiseOptions } from 'dependency-cruiser';
import { expect, test } from 'vitest';

test('imports point inwards, as the layout says', async () => {
  const { forbidden, options } = JSON.parse(readFileSync('.dependency-cruiser.json', 'utf8'));
  const cruised = await cruise(['src'], { ...options, ruleSet: { forbidden }, validate: true } as ICruiseOptions);
  if (typeof cruised.output === 'string') throw new Error(cruised.output);
  const { summary } = cruised.output;
  // A cruiser that cannot read TypeScript sees no module and finds no fault.
  expect(summary.totalCruised).toBeGreaterThan(60);
  expect(summary.violations.map(v => `${v.rule.name}: ${v.from} → ${v.to}`)).toEqual([]);
});
