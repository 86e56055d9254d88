import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { metricFacts, metricPage } from '../../src/config/metric-matrix.ts';
import { repository } from './fixtures.ts';

const registry = builtinRegistry();
const page = resolve(repository, 'docs/metrics.md');

// Renew it by: npx vitest run test/config/metric-matrix.test.ts -u
it('docs/metrics.md is current', async () => {
  await expect(metricPage(registry)).toMatchFileSnapshot(page);
});

describe.each([...registry.metrics.values()])('$name', metric => {
  const facts = metricFacts(metric, registry);

  it('is on the page once, with its facts', () => {
    const text = readFileSync(page, 'utf8');
    expect(text.split(`\n**\`${metric.name}\`**: `)).toHaveLength(2);
    expect(text.split(`\n| \`${metric.name}\` | ${metric.better === 'higher' ? '↑' : '↓'} |`)).toHaveLength(2);
  });

  it('has no meaning for a regression where it follows a probability', () => {
    const defaults = JSON.stringify(metric.options.parse({}));
    if (defaults.includes('"score":"probability"')) expect(metric.needsClasses(metric.options.parse({}))).toBeTruthy();
  });

  it('declares all facts, as plain JSON', () => {
    expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
    if (metric.rangeByDefault) {
      expect(metric.range[0]).toBeLessThanOrEqual(metric.rangeByDefault[0]);
      expect(metric.range[1]).toBeGreaterThanOrEqual(metric.rangeByDefault[1]);
    }
    for (const key of ['title', 'summary', 'undefinedWhen', 'criticism', 'criticismSource', 'source'] as const) {
      expect(facts[key], key).not.toBe('');
    }
    const { forward, backward, explanations } = facts.cost;
    for (const n of [forward, backward, explanations]) expect(Number.isInteger(n) && n >= 0).toBe(true);
    if (typeof facts.chance === 'number') {
      expect(facts.chance).toBeGreaterThanOrEqual(metric.range[0]);
      expect(facts.chance).toBeLessThanOrEqual(metric.range[1]);
    }
  });
});

describe('the recommended metrics', () => {
  const { metrics } = registry.metricSets.get('recommended')!;

  it('are there, may be ranked, take the options given, and have a reason', () => {
    for (const { use, options = {}, reason } of metrics) {
      const metric = registry.metrics.get(use);
      expect(metric?.rankable, use).toBe(true);
      expect(() => metric!.options.parse(options), use).not.toThrow();
      expect(reason).toMatch(/^[A-Z].*\.$/s);
    }
  });

  it('ask every question once at least, but for descriptions', () => {
    const asked = new Set(metrics.map(m => registry.metrics.get(m.use)!.category));
    expect([...asked].sort()).toEqual([
      'axiomatic',
      'faithfulness',
      'localisation',
      'randomisation',
      'robustness',
      'truth',
    ]);
  });
});
