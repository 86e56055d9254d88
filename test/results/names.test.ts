import fc from 'fast-check';
import { expect, test } from 'vitest';
import { partFileName, sampleFileName } from '../../src/results/names.ts';

test('any id becomes a short name that every file system takes', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 300 }), id => {
      for (const name of [sampleFileName(id), partFileName(id)]) {
        expect(name).toMatch(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,68}$/);
      }
    }),
  );
});

test('different ids have different names, also where their slugs are alike', () => {
  const ids = [
    'a/b.png',
    'a-b.png',
    'a b.png',
    'a%b.png',
    'a/b.jpg',
    `${'x'.repeat(160)}1.png`,
    `${'x'.repeat(160)}2.png`,
  ];
  expect(new Set(ids.map(sampleFileName)).size).toBe(ids.length);
  expect(new Set(['shuffled(a)', 'shuffled-a', 'shuffled[a]'].map(partFileName)).size).toBe(3);
});

test('plain ids of methods and models are their own names', () => {
  expect(partFileName('grad-cam')).toBe('grad-cam');
  expect(partFileName('covidct-densenet121')).toBe('covidct-densenet121');
});
