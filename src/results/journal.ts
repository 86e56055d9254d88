import { existsSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { CtXaiError } from '../core/errors.ts';
import { isRegular } from '../files/regular.ts';
import { ioError } from './files.ts';
import { isRow } from './row-schema.ts';
import { type Row, unitOf } from './rows.ts';

/** Where a row stands in the journal: offset and length in bytes. */
type Place = readonly [offset: number, length: number];

interface SampleEntry {
  /** Position in the data, as the sample's own row says. */
  index: number;
  readonly places: Place[];
}

/** What a journal holds, without the rows themselves: two numbers a row. */
export interface JournalIndex {
  /** By model, then by sample. */
  readonly samples: Map<string, Map<string, SampleEntry>>;
  /** Of rows that belong to no sample: timings, budgets, groups. */
  readonly beside: Place[];
  /** Bytes up to the end of the last whole row. */
  end: number;
  rows: number;
}

/** Bytes of one row; curves and group items make the longest. */
const LONGEST_LINE = 2 ** 26;

/** Bytes read at a time. */
const CHUNK = 1 << 20;

/** `results.jsonl`: one row a line, appended and synced; the last row of a unit counts. */
export interface Journal {
  readonly index: JournalIndex;
  /** Rows are on the disk when this resolves. Concurrent calls are written together. NaN is a RangeError. */
  append(rows: readonly Row[]): Promise<void>;
  /** The rows of one sample, the last of each unit, in the order in which the units first ended. */
  rowsOf(model: string, sample: string): Promise<Row[]>;
  /** The last row of each timing, budget and group, in the order in which they first ended. */
  rowsBesideSamples(): Promise<Row[]>;
  close(): Promise<void>;
}

/**
 * Opens a journal. A torn last line (a crash while it was written) is cut off where `write` is set and ignored
 * where it isn't.
 * @throws CtXaiError RUN_FOLDER where a line before the last is damaged, IO where the disk says no.
 */
export async function openJournal(path: string, { write }: { write: boolean }): Promise<Journal> {
  let handle: FileHandle;
  if (existsSync(path) && !isRegular(path)) throw damaged(path, 'it is no ordinary file.');
  try {
    // 'a+' makes the file; reads still go anywhere.
    handle = await open(path, write ? 'a+' : 'r');
  } catch (error) {
    throw ioError(error, `opening ${path}`);
  }
  try {
    const index = await readIndex(handle, path);
    if (write && (await handle.stat()).size > index.end) await handle.truncate(index.end);
    return makeJournal(handle, path, index);
  } catch (error) {
    await handle.close();
    throw ioError(error, `reading ${path}`);
  }
}

function makeJournal(handle: FileHandle, path: string, index: JournalIndex): Journal {
  let queue: { lines: readonly (readonly [Row, Buffer])[]; done: () => void; failed: (error: unknown) => void }[] = [];
  let writing: Promise<void> | undefined;
  let broken: CtXaiError | undefined;

  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const group = queue;
      queue = [];
      try {
        if (broken) throw broken;
        const lines = group.flatMap(item => item.lines);
        const bytes = Buffer.concat(lines.map(([, line]) => line));
        for (let at = 0; at < bytes.length; ) at += (await handle.write(bytes, at)).bytesWritten;
        await handle.datasync();
        for (const [row, line] of lines) {
          addToIndex(index, row, [index.end, line.length]);
          index.end += line.length;
        }
        for (const item of group) item.done();
      } catch (error) {
        // Nothing may follow a torn line.
        broken ??= ioError(error, `writing ${path}`);
        await handle.truncate(index.end).catch(() => {});
        for (const item of group) item.failed(broken);
      }
    }
    writing = undefined;
  }

  async function readBytes(offset: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; ) {
      const { bytesRead } = await handle.read(bytes, at, length - at, offset + at);
      if (bytesRead === 0) throw damaged(path, 'it became shorter while it was read.');
      at += bytesRead;
    }
    return bytes;
  }

  async function read(places: readonly Place[]): Promise<Row[]> {
    const last = new Map<string, Row>();
    for (let i = 0; i < places.length; ) {
      // Rows that stand next to each other are read in one go.
      const from = places[i]![0];
      let [next, to] = [i, from];
      while (next < places.length && places[next]![0] === to && to - from < CHUNK) to += places[next++]![1];
      const bytes = await readBytes(from, to - from);
      for (; i < next; i++) {
        const [offset, length] = places[i]!;
        const row = JSON.parse(bytes.toString('utf8', offset - from, offset - from + length)) as Row;
        last.set(unitOf(row), row);
      }
    }
    return [...last.values()];
  }

  return {
    index,
    async append(rows) {
      if (rows.length === 0) return;
      const lines = rows.map(row => [row, Buffer.from(lineOf(row))] as const);
      await new Promise<void>((done, failed) => {
        queue.push({ lines, done, failed });
        writing ??= drain();
      });
    },
    rowsOf: (model, sample) => read(index.samples.get(model)?.get(sample)?.places ?? []),
    rowsBesideSamples: () => read(index.beside),
    async close() {
      await writing;
      await handle.close();
    },
  };
}

function lineOf(row: Row): string {
  return `${JSON.stringify(row, (key, value: unknown) => {
    // JSON would turn them into null silently.
    if (typeof value === 'number' && !Number.isFinite(value)) {
      throw new RangeError(`row ${unitOf(row)}: '${key}' is ${value}; rows hold finite numbers only`);
    }
    return value;
  })}\n`;
}

function addToIndex(index: JournalIndex, row: Row, place: Place): void {
  index.rows++;
  if (row.kind === 'timing' || row.kind === 'budget' || row.kind === 'group') {
    index.beside.push(place);
    return;
  }
  const model = index.samples.get(row.model) ?? new Map<string, SampleEntry>();
  index.samples.set(row.model, model);
  const entry = model.get(row.sample) ?? { index: Number.POSITIVE_INFINITY, places: [] };
  model.set(row.sample, entry);
  if (row.kind === 'sample') entry.index = row.index;
  entry.places.push(place);
}

async function readIndex(handle: FileHandle, path: string): Promise<JournalIndex> {
  const index: JournalIndex = { samples: new Map(), beside: [], end: 0, rows: 0 };
  let rest: Buffer = Buffer.alloc(0);
  let bad: number | undefined;
  let line = 0;
  for (let at = 0; ; ) {
    const chunk = Buffer.allocUnsafe(CHUNK);
    const { bytesRead } = await handle.read(chunk, 0, CHUNK, at);
    if (bytesRead === 0) break;
    at += bytesRead;
    const bytes =
      rest.length === 0 ? chunk.subarray(0, bytesRead) : Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
    let start = 0;
    for (let stop = bytes.indexOf(10); stop >= 0; stop = bytes.indexOf(10, start)) {
      line++;
      const row = parseRow(bytes.subarray(start, stop));
      if (!row) bad ??= line;
      else if (bad !== undefined) throw damaged(path, `line ${bad} is not a row, but later lines are.`);
      else {
        const length = stop - start + 1;
        addToIndex(index, row, [index.end, length]);
        index.end += length;
      }
      start = stop + 1;
    }
    rest = Buffer.from(bytes.subarray(start));
    if (rest.length > LONGEST_LINE) throw damaged(path, `line ${line + 1} is longer than any row.`);
  }
  return index;
}

function parseRow(bytes: Buffer): Row | undefined {
  try {
    const row: unknown = JSON.parse(bytes.toString('utf8'));
    return isRow(row) ? row : undefined;
  } catch {
    return undefined;
  }
}

function damaged(path: string, what: string): CtXaiError {
  return new CtXaiError('RUN_FOLDER', `${path} is damaged: ${what}`, {
    hint: 'Choose another folder with --out, or start anew with --fresh.',
  });
}
