import type { ByteWriter, ColumnSource, ParquetWriter } from 'hyparquet-writer';
import { printable } from '../core/printable.ts';
import type { CsvCell } from './csv.ts';
import { type AtomicFile, createAtomic } from './files.ts';

/** What a column holds: texts unless it says so; `flag` is true or false, 1 or 0, or these words. */
export type CellType = 'text' | 'number' | 'count' | 'flag';

/** A column of a table, and what it holds. */
export interface TypedColumn {
  readonly name: string;
  readonly type?: CellType;
}

/** Lines of one row group: few enough for the memory, enough for readers to skip by. */
const GROUP = 50_000;

/** A table that is written line by line. */
export interface ParquetTable {
  line(cells: readonly CsvCell[]): Promise<void>;
  /** Writes what is left and puts the file into its place. */
  end(): Promise<void>;
  discard(): Promise<void>;
}

/**
 * Begins a Parquet file (Snappy) whose columns may all have missing values: numbers are doubles, counts 32-bit integers,
 * flags booleans. Texts stand as in the CSV tables, without the apostrophe that keeps spreadsheets from running them.
 */
export async function createParquet(path: string, columns: readonly TypedColumn[]): Promise<ParquetTable> {
  const file = await createAtomic(path);
  const { bytes, table } = await begin(columns);
  let cells: unknown[][] = columns.map(() => []);
  const write = async () => {
    if (cells[0]!.length > 0) await table.write({ columnData: sourcesOf(columns, cells), rowGroupSize: GROUP });
    cells = columns.map(() => []);
    await flush(bytes, file);
  };
  return {
    async line(line) {
      for (const [i, cell] of line.entries()) cells[i]!.push(cellValue(cell, columns[i]!.type));
      if (cells[0]!.length === GROUP) await write();
    },
    async end() {
      await write();
      await finish(table, bytes, file);
    },
    discard: () => file.discard(),
  };
}

/** A small table as the bytes of such a file. */
export async function parquetBytes(
  columns: readonly TypedColumn[],
  lines: readonly (readonly CsvCell[])[],
): Promise<Uint8Array> {
  const { bytes, table } = await begin(columns);
  const cells = columns.map(({ type }, i) => lines.map(line => cellValue(line[i], type)));
  if (lines.length > 0) await table.write({ columnData: sourcesOf(columns, cells), rowGroupSize: GROUP });
  await table.finish();
  return bytes.getBytes().slice();
}

async function begin(columns: readonly TypedColumn[]): Promise<{ bytes: ByteWriter; table: ParquetWriter }> {
  const { ByteWriter: Bytes, ParquetWriter: Parquet, schemaFromColumnData } = await import('hyparquet-writer');
  const bytes = new Bytes();
  const empty = columns.map(({ name, type = 'text' }) => ({ name, type: KINDS[type], nullable: true, data: [] }));
  const schema = schemaFromColumnData({ columnData: empty });
  return { bytes, table: new Parquet({ writer: bytes, schema, createdBy: 'ct-xai' }) };
}

const KINDS = { text: 'STRING', number: 'DOUBLE', count: 'INT32', flag: 'BOOLEAN' } as const;

function sourcesOf(columns: readonly TypedColumn[], cells: readonly unknown[][]): ColumnSource[] {
  return columns.map(({ name }, i) => ({ name, data: cells[i]! }) as ColumnSource);
}

function cellValue(cell: CsvCell, type: CellType = 'text'): unknown {
  if (cell === undefined || cell === null || cell === '') return null;
  if (type === 'text') return printable(String(cell));
  return type === 'flag' ? cell !== 'false' && Boolean(cell) : Number(cell);
}

async function finish(table: ParquetWriter, bytes: ByteWriter, file: AtomicFile): Promise<void> {
  await table.finish();
  await flush(bytes, file);
  await file.commit();
}

/** Hands on what was written so far; the places that the file's end names count from its beginning all the same. */
async function flush(bytes: ByteWriter, file: AtomicFile): Promise<void> {
  await file.write(bytes.getBytes().slice());
  bytes.index = 0;
}
