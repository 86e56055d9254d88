import { type CsvCell, csvStyle, csvText } from '../../results/csv.ts';
import { type CellType, parquetBytes, type TypedColumn } from '../../results/parquet.ts';
import type { ReportFile, RunData } from '../summary/run-data.ts';

/** A table that the report writes beside its page. */
export interface ReportTable {
  /** Without ending. */
  readonly name: string;
  readonly columns: readonly TypedColumn[];
  readonly lines: readonly (readonly CsvCell[])[];
}

/** Columns of one type. */
export function columnsOf(type: CellType, ...names: readonly string[]): TypedColumn[] {
  return names.map(name => ({ name, type }));
}

export function tableCsv({ columns, lines }: ReportTable, manifest: RunData['manifest']): string {
  return csvText([columns.map(({ name }) => name), ...lines], csvStyle(manifest));
}

/** The table as CSV and, if asked for, as Parquet too. */
export async function* tableFiles(
  table: ReportTable,
  manifest: RunData['manifest'],
  parquet: boolean,
): AsyncGenerator<ReportFile> {
  yield { file: `${table.name}.csv`, bytes: tableCsv(table, manifest) };
  if (parquet) yield { file: `${table.name}.parquet`, bytes: await parquetBytes(table.columns, table.lines) };
}
