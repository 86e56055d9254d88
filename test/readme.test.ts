import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { builtinRegistry } from '../src/builtin.ts';

const readme = readFileSync('README.md', 'utf8');

test('the README names every explainer, metric and baseline that ships', () => {
  const { explainers, metrics, baselines } = builtinRegistry();
  const missing = [...explainers.keys(), ...metrics.keys(), ...baselines.keys()].filter(
    n => !readme.includes(`\`${n}\``),
  );
  expect(missing).toEqual([]);
});

test('the README shows the example plugin as it is', () => {
  expect(readme).toContain(readFileSync('examples/plugin/gradient-times-input.js', 'utf8').trim());
});
