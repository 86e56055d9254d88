import type { Row } from './rows.ts';
import type { Run } from './run.ts';

/** Something that is made of a run's rows while they come by, in plan order. */
export interface RowReader {
  row(row: Row): void | Promise<void>;
  /** All rows have come by. */
  end(): void | Promise<void>;
  /** The reading failed: what was begun is dropped. */
  discard?(): void | Promise<void>;
}

/** Reads the rows of a run once, for all readers. */
export async function readRows(run: Pick<Run, 'rows'>, readers: readonly RowReader[]): Promise<void> {
  try {
    for await (const row of run.rows()) for (const reader of readers) await reader.row(row);
    for (const reader of readers) await reader.end();
  } catch (error) {
    for (const reader of readers) await reader.discard?.();
    throw error;
  }
}
