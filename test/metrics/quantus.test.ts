import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { additiveScene, areaOf, map } from './scene.ts';

// Made by test/golden/metrics/maps.py, which says with which parameters.
const { side, version, values } = JSON.parse(readFileSync('test/golden/metrics/maps.json', 'utf8')) as {
  side: number;
  version: string;
  values: Record<'signed' | 'positive', Record<string, number>>;
};
const { metrics } = builtinRegistry();
const raw = Array.from({ length: side * side }, (_, i) => {
  const [y, x] = [Math.floor(i / side), i % side];
  return Math.fround(Math.sin(1.7 * i + 0.3) + 1.5 * Math.exp(-((y - 5) ** 2 + (x - 6.5) ** 2) / 6));
});
const largest = Math.max(...raw.map(Math.abs));
const signed = raw.map(v => v / largest);
const inMask = (at: number) => at >= 3 && at <= 6;
const mask = map(
  side,
  side,
  signed.map((_, i) => (inMask(Math.floor(i / side)) && inMask(i % side) ? 1 : 0)),
);

describe.each(['signed', 'positive'] as const)(`Quantus ${version}, a %s map`, kind => {
  const attribution = kind === 'signed' ? signed : signed.map(Math.abs);
  const scene = {
    ...additiveScene(
      side,
      side,
      attribution.map(() => 0),
      attribution,
    ),
    mask,
  };
  const own = (name: string, options: Record<string, unknown> = {}) => areaOf(metrics.get(name)!, scene, options);
  const theirs = values[kind];

  it('ranks, areas and peaks are the same', async () => {
    expect(await own('rank-accuracy', { skill: false })).toBeCloseTo(theirs['rank-accuracy']!, 6);
    expect(await own('auc')).toBeCloseTo(theirs['auc']!, 6);
    expect(await own('pointing-game')).toBe(theirs['pointing-game']);
  });

  it('descriptions are the same on the map’s own grid', async () => {
    expect(await own('sparseness', { grid: 'own' })).toBeCloseTo(theirs['sparseness']!, 5);
    expect(await own('entropy', { grid: 'own' })).toBeCloseTo(theirs['entropy']!, 5);
    // Quantus counts pixels; ours is their share.
    const share = await own('effective-complexity', { grid: 'own', threshold: 1e-5 });
    expect(share * side * side).toBeCloseTo(theirs['effective-complexity']!, 6);
  });

  it('relevance mass is the same for a map without negative values', async () => {
    const value = await own('relevance-mass', { skill: false });
    if (kind === 'positive') expect(value).toBeCloseTo(theirs['relevance-mass']!, 5);
    // Quantus divides by the sum of a signed map, which may be near 0 or negative; ours is a share of the positive part.
    else expect(Math.abs(value - theirs['relevance-mass']!)).toBeGreaterThan(0.01);
  });
});
