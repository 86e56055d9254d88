import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { explainerFacts, explainerPage } from '../../src/config/explainer-matrix.ts';
import { repository } from './fixtures.ts';

const registry = builtinRegistry();
const page = resolve(repository, 'docs/explainers.md');

// Renew it by: npx vitest run test/config/explainer-matrix.test.ts -u
it('docs/explainers.md is current', async () => {
  await expect(explainerPage(registry)).toMatchFileSnapshot(page);
});

describe.each([...registry.explainers.values()])('$name', explainer => {
  const facts = explainerFacts(explainer, registry);

  it('is on the page once', () => {
    expect(readFileSync(page, 'utf8').split(`\n| \`${explainer.name}\` |`)).toHaveLength(2);
  });

  it('declares all facts, as plain JSON', () => {
    expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
    for (const key of ['title', 'summary', 'source'] as const) expect(facts[key], key).not.toBe('');
    const { forward, backward } = facts.cost;
    for (const n of [forward, backward]) expect(Number.isInteger(n) && n >= 0).toBe(true);
  });

  it('says in one sentence for whom it is', () => {
    expect(facts.advice).toMatch(/^(For|A control:|A control for) .*\.$/);
    expect(facts.advice.length).toBeLessThan(200);
  });
});

it('of controls and sampling methods, passes are what they ask for', () => {
  const costOf = (name: string) => explainerFacts(registry.explainers.get(name)!, registry);
  expect(costOf('random')).toMatchObject({ cost: { forward: 0, backward: 0 }, costClass: 'free', role: 'control' });
  expect(costOf('saliency')).toMatchObject({ cost: { forward: 1, backward: 1 }, costClass: 'fast' });
  expect(costOf('smoothgrad')).toMatchObject({ cost: { forward: 50, backward: 50 }, wraps: 'saliency' });
  expect(costOf('rise')).toMatchObject({ cost: { forward: 1000, backward: 0 }, costClass: 'very slow' });
});
