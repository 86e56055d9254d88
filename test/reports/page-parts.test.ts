import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rowLabels } from '../../src/reports/charts/row-labels.ts';
import { STYLE } from '../../src/reports/page/style.ts';
import { distance, lab } from './colour.ts';

/** The ten colours of explainers and the paper, in light (0) or dark (1). */
function palette(scheme: number): { colours: string[]; paper: string } {
  const root = [...STYLE.matchAll(/:root\{([^}]*)\}/g)][scheme]![1]!;
  const of = (name: string) => new RegExp(`--${name}:(#[0-9a-f]{3,6})`).exec(root)![1]!;
  return { colours: Array.from({ length: 10 }, (_, i) => of(`c${i}`)), paper: of('paper') };
}

describe.each([
  ['light', 0],
  ['dark', 1],
])('colours of explainers, %s', (_, scheme) => {
  const { colours, paper } = palette(scheme);

  it('are ten that differ', () => {
    const distances = colours.flatMap((a, i) => colours.slice(i + 1).map(b => distance(lab(a), lab(b))));
    expect(Math.min(...distances)).toBeGreaterThan(25);
  });

  it('stand out from the paper', () => {
    for (const colour of colours) expect(Math.abs(lab(colour)[0] - lab(paper)[0])).toBeGreaterThan(35);
  });
});

describe('rowLabels', () => {
  it('breaks long names where they may be broken, and keeps their ends', () => {
    expect(rowLabels(['lime', 'integrated-gradients: zero-input', 'integrated-gradients: air'], 21)).toEqual([
      ['lime'],
      ['integrated-gradients:', 'zero-input'],
      ['integrated-gradients:', 'air'],
    ]);
    const long = 'x'.repeat(60);
    expect(rowLabels([`${long}1`, `${long}2`], 10)).toEqual([
      ['xxxxxxxxx…', '…xxxxxxxx1'],
      ['xxxxxxxxx…', '…xxxxxxxx2'],
    ]);
  });

  it('never makes different names look alike, nor a line too long', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(
          fc
            .string({ unit: fc.constantFrom('a', 'b', '-', ' '), minLength: 1, maxLength: 90 })
            .map(s => `${s.trim()}e`),
          { maxLength: 30 },
        ),
        fc.integer({ min: 8, max: 24 }),
        (names, most) => {
          const labels = rowLabels(names, most);
          expect(labels.flat().every(line => line.length <= most)).toBe(true);
          expect(labels.every(lines => lines.length <= 2)).toBe(true);
          expect(new Set(labels.map(lines => lines.join('\n'))).size).toBe(names.length);
        },
      ),
    );
  });
});
