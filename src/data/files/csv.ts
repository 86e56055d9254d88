import { parse } from 'csv-parse/sync';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { readRegular } from '../../files/regular.ts';

/** A table as a CSV file has it; cells are trimmed. */
export interface CsvTable {
  readonly header: readonly string[];
  /** `line`: where the row ends in the file, from 1. */
  readonly rows: readonly { readonly cells: readonly string[]; readonly line: number }[];
  /** What a user should know of how it was read. */
  readonly remarks: readonly string[];
}

/** Bytes of a table: some five million rows. */
const MOST_BYTES = 2 ** 29 - 2 ** 24;

/**
 * Reads a CSV file: commas, semicolons, tabs or bars between cells (Excel's `sep=;` line is obeyed), in UTF-8 or
 * UTF-16; what is neither is read as Windows-1252 (in which no two bytes are one letter) and said.
 * @param name Said in errors.
 * @throws CtXaiError DATA if it can't be read or is not sound.
 */
export async function readCsvFile(path: string, name: string): Promise<CsvTable> {
  let bytes: Buffer;
  try {
    bytes = await readRegular(path, { limit: MOST_BYTES });
  } catch (cause) {
    throw new CtXaiError('DATA', `the table ${path} can't be read (${messageOf(cause)}).`, { cause });
  }
  return parseCsv(bytes, name);
}

/** As `readCsvFile`, of a file's bytes. @throws CtXaiError DATA */
export function parseCsv(bytes: Uint8Array, name: string): CsvTable {
  const { text: whole, remarks } = decodeText(bytes, name);
  const said = /^sep=(.)\r?\n/i.exec(whole);
  const text = said ? whole.slice(said[0].length) : whole;
  if (text.includes('\0')) {
    throw new CtXaiError('DATA', `${name} is not a CSV file: it has bytes that are no text.`, {
      hint: 'Save the table as CSV in UTF-8. A spreadsheet (.xlsx) is no CSV file, whatever its name ends in.',
    });
  }
  const delimiter = said?.[1] ?? likelyDelimiter(text);
  try {
    const options = { delimiter, info: true, skip_empty_lines: true, trim: true, relax_column_count: true } as const;
    const parsed = parse(text, options) as unknown as { record: string[]; info: { lines: number } }[];
    const [first, ...rest] = parsed
      .map(({ record, info }) => ({ cells: record, line: info.lines + (said ? 1 : 0) }))
      // Spreadsheets keep rows whose cells were emptied.
      .filter(({ cells }) => cells.some(cell => cell !== ''));
    const header = first?.cells ?? [];
    return { header, rows: rest.map(row => ofWidth(row, header.length, name)), remarks };
  } catch (cause) {
    if (cause instanceof CtXaiError) throw cause;
    throw new CtXaiError('DATA', `${name} is not a sound CSV file: ${messageOf(cause)}.`, { cause });
  }
}

/** A row with a cell for each of the header's; empty ones behind them are left out. @throws CtXaiError DATA */
function ofWidth<R extends CsvTable['rows'][number]>(row: R, width: number, name: string): R {
  const { cells, line } = row;
  const used = cells.findLastIndex(cell => cell !== '') + 1;
  if (cells.length === width) return row;
  if (cells.length > width && used <= width) return { ...row, cells: cells.slice(0, width) };
  throw new CtXaiError('DATA', `${name}, line ${line}: the row has ${cells.length} cells, the header has ${width}.`, {
    hint: 'A value that holds the sign between cells, such as a comma, stands in double quotes.',
  });
}

function decodeText(bytes: Uint8Array, name: string): { text: string; remarks: string[] } {
  const utf16 = utf16Order(bytes);
  if (utf16) return { text: new TextDecoder(utf16).decode(bytes), remarks: [] };
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes), remarks: [] };
  } catch {
    const remark = `${name} is not in UTF-8; it was read as Windows-1252. If names look wrong, save it as UTF-8.`;
    return { text: new TextDecoder('windows-1252').decode(bytes), remarks: [remark] };
  }
}

/** By its mark, or by where the zeros of plain letters stand. */
function utf16Order(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  const start = bytes.subarray(0, 64);
  const zeros = (odd: number) => start.filter((b, i) => b === 0 && i % 2 === odd).length;
  const most = start.length / 4;
  if (zeros(1) > most && zeros(0) === 0) return 'utf-16le';
  return zeros(0) > most && zeros(1) === 0 ? 'utf-16be' : undefined;
}

/** What cuts the first line into most cells, outside quotes. */
function likelyDelimiter(text: string): string {
  const line = (/^[^\r\n]*/.exec(text)?.[0] ?? '').replaceAll(/"[^"]*"/g, '');
  let best = ',';
  let most = 0;
  for (const mark of [',', ';', '\t', '|']) {
    const cells = line.split(mark).length - 1;
    if (cells > most) [best, most] = [mark, cells];
  }
  return best;
}
