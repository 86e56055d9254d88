import { stringify } from 'csv-stringify/sync';
import { printable } from '../core/printable.ts';
import type { Manifest } from './rows.ts';

export type CsvCell = string | number | boolean | null | undefined;

/** What spreadsheets run: a cell that begins so, also in the wide forms of East Asian type. */
const FORMULA = /^\s*[=+\-@＝＋－＠]/;
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** How tables are written. */
export interface CsvStyle {
  /** `neutralised`: an apostrophe stands before cells that a spreadsheet would run. */
  readonly formulas: 'neutralised' | 'raw';
}

/** What the run's suite says. */
export function csvStyle({ suite }: Pick<Manifest, 'suite'>): CsvStyle {
  const { output } = (suite ?? {}) as { output?: { formulas?: unknown } | null };
  return { formulas: output?.formulas === 'raw' ? 'raw' : 'neutralised' };
}

/**
 * Lines of a CSV file. Texts have no control characters but line breaks and tabs. Cells with another delimiter than the
 * comma are quoted, since a spreadsheet may cut there.
 */
export function csvText(lines: readonly (readonly CsvCell[])[], { formulas }: CsvStyle): string {
  const safe = (cell: CsvCell): CsvCell => {
    if (typeof cell !== 'string') return cell;
    const text = printable(cell);
    return formulas === 'neutralised' && FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
  };
  return stringify(
    lines.map(line => line.map(safe)),
    { quoted_match: /[;|]/ },
  );
}
