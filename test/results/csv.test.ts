import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { csvStyle, csvText } from '../../src/results/csv.ts';

const NEUTRAL = { formulas: 'neutralised' } as const;

test.each([
  ['=1+1', "'=1+1\n"],
  ['@SUM(A1)', "'@SUM(A1)\n"],
  ['-2+3', "'-2+3\n"],
  ['＝1+1', "'＝1+1\n"],
  ['a;=1+1', '"a;=1+1"\n'],
  ['-0.5', '-0.5\n'],
  ['+1e-7', '+1e-7\n'],
  ['a=1', 'a=1\n'],
  ['\t=1', "'\t=1\n"],
  ['a\nb\u001b[31m', '"a\nb\\x1b[31m"\n'],
])('%j is written as %j', (cell, line) => {
  expect(csvText([[cell]], NEUTRAL)).toBe(line);
});

test('numbers stay numbers, and raw is raw', () => {
  expect(csvText([[-0.5, true, undefined, '=1']], NEUTRAL)).toBe("-0.5,1,,'=1\n");
  expect(csvText([['=1']], { formulas: 'raw' })).toBe('=1\n');
  expect(csvStyle({ suite: { output: { formulas: 'raw' } } })).toEqual({ formulas: 'raw' });
  expect(csvStyle({ suite: null })).toEqual(NEUTRAL);
});

test('no cell begins a formula or has a control character, whatever the text', () => {
  const property = fc.property(fc.string({ unit: 'binary' }), text => {
    const [[cell]] = parse(csvText([['x', text]], NEUTRAL), { columns: false }) as [[string, string]];
    const [, found] = (parse(csvText([['x', text]], NEUTRAL)) as [string, string][])[0]!;
    expect(cell).toBe('x');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(found).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/);
    if (!Number.isFinite(Number(found))) expect(found).not.toMatch(/^\s*[=+\-@＝＋－＠]/);
  });
  fc.assert(property);
});
