import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'csv-parse/sync';
import { CtXaiError, messageOf, nearest } from '../../core/errors.ts';
import { IMAGE_EXTENSIONS, isImageName } from '../pixels/decode.ts';

/** One image as a folder or its index lists it. */
export interface ImageEntry {
  /** Relative to the images' folder, with '/', in Unicode's composed form. */
  readonly id: string;
  readonly path: string;
  readonly label?: string;
  readonly patient?: string;
  readonly split?: string;
  readonly maskPath?: string;
  readonly spacing?: readonly [number, number];
  /** For messages: 'index.csv, line 7: a.png'. */
  readonly where: string;
}

export const COLUMNS = ['file', 'label', 'split', 'patient', 'mask', 'spacing'] as const;
type Column = (typeof COLUMNS)[number];

export interface IndexOptions {
  readonly root: string;
  readonly index: string;
  /** Folder that the file column's paths start from. */
  readonly images: string;
  /** Columns that the suite names; the others have their own names and, but for `file`, may be absent. */
  readonly columns: { readonly [C in Column]?: string | undefined };
  readonly split?: readonly string[];
}

/** Reads `index.csv`. @throws CtXaiError DATA naming the line. */
export async function readIndex(options: IndexOptions): Promise<ImageEntry[]> {
  const path = resolve(options.root, options.index);
  const rows = await readCsv(path, options.index);
  const header = rows[0]?.cells ?? [];
  const columns = findColumns(header, options);
  const entries: ImageEntry[] = [];
  const splits = new Set<string>();
  for (const { cells, line } of rows.slice(1)) {
    const where = `${options.index}, line ${line}`;
    const cell = (column: Column): string | undefined => {
      const at = columns[column];
      return at === undefined ? undefined : (cells[at] ?? '');
    };
    const file = cell('file')!;
    if (file === '') throw new CtXaiError('DATA', `${where}: the file name is empty.`);
    const split = cell('split');
    if (split !== undefined) splits.add(split);
    if (options.split && !options.split.includes(split!)) continue;
    for (const column of ['label', 'patient'] as const) {
      if (cell(column) === '') throw new CtXaiError('DATA', `${where}: ${file} has no ${column}; the cell is empty.`);
    }
    const label = cell('label');
    const patient = cell('patient');
    const mask = cell('mask');
    const spacing = cell('spacing');
    entries.push({
      id: file.normalize('NFC'),
      path: findFile(resolve(options.root, options.images), file),
      where: `${where}: ${file}`,
      ...(label === undefined ? {} : { label }),
      ...(patient === undefined ? {} : { patient }),
      ...(split ? { split } : {}),
      ...(mask ? { maskPath: findFile(options.root, mask) } : {}),
      ...(spacing ? { spacing: parseSpacing(spacing, `${where}: ${file}`) } : {}),
    });
  }
  if (options.split && entries.length === 0) {
    throw new CtXaiError('DATA', `${path}: no row has split ${options.split.map(s => `'${s}'`).join(' or ')}.`, {
      hint: `There are: ${[...splits].join(', ')}.`,
    });
  }
  return entries;
}

async function readCsv(path: string, name: string): Promise<{ cells: string[]; line: number }[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new CtXaiError('DATA', `the index ${path} can't be read (${messageOf(cause)}).`, {
      hint: "Set 'index' to the CSV file's name, or leave it out for one folder per class.",
      cause,
    });
  }
  const first = text.slice(0, text.indexOf('\n') < 0 ? undefined : text.indexOf('\n'));
  const delimiter = [',', ';', '\t'].find(d => first.includes(d)) ?? ',';
  try {
    const rows = parse(text, { bom: true, delimiter, info: true, skip_empty_lines: true, trim: true });
    return (rows as unknown as { record: string[]; info: { lines: number } }[]).map(({ record, info }) => ({
      cells: record,
      line: info.lines,
    }));
  } catch (cause) {
    throw new CtXaiError('DATA', `${name} is not a sound CSV file: ${messageOf(cause)}.`, { cause });
  }
}

/** Where each column stands. @throws CtXaiError DATA where a column that is named or needed is missing. */
function findColumns(header: readonly string[], options: IndexOptions): { [C in Column]?: number } {
  const found: { [C in Column]?: number } = {};
  for (const column of COLUMNS) {
    const name = options.columns[column] ?? column;
    const at = header.indexOf(name);
    if (at >= 0) {
      found[column] = at;
    } else if (column === 'file' || options.columns[column] !== undefined || (column === 'split' && options.split)) {
      const near = nearest(name, header);
      throw new CtXaiError('DATA', `${options.index} has no column '${name}' for the ${column}.`, {
        hint: `${near ? `Did you mean '${near}'? ` : ''}It has: ${header.join(', ')}. Name the column by 'columns: { ${column}: … }'.`,
      });
    }
  }
  return found;
}

/** A path as written, or in the other Unicode form where only that exists (archives made on macOS decompose names). */
function findFile(folder: string, name: string): string {
  const forms = [name, name.normalize('NFC'), name.normalize('NFD')].map(n => resolve(folder, n));
  return forms.find(path => existsSync(path)) ?? forms[0]!;
}

/** Millimetres per pixel: '0.7', or rows and columns as '0.7 0.8', '0.7x0.8' or '0.7\0.8'. */
function parseSpacing(text: string, where: string): [number, number] {
  const parts = text.split(/[\s×x*;\\]+/).map(Number);
  const [rows, columns = rows] = parts;
  if (parts.length > 2 || !(rows! > 0 && columns! > 0 && Number.isFinite(rows! + columns!))) {
    throw new CtXaiError('DATA', `${where}: spacing '${text}' is not one or two positive numbers (mm per pixel).`);
  }
  return [rows!, columns!];
}

/** Images in subfolders, whose names are the labels; any depth below them. @throws CtXaiError DATA */
export async function scanFolders(root: string): Promise<ImageEntry[]> {
  const entries: ImageEntry[] = [];
  let loose = 0;
  for (const item of await readdir(root, { withFileTypes: true })) {
    if (item.name.startsWith('.')) continue;
    if (!item.isDirectory()) {
      if (isImageName(item.name)) loose++;
      continue;
    }
    for (const file of await readdir(join(root, item.name), { recursive: true, withFileTypes: true })) {
      if (file.isDirectory() || file.name.startsWith('.') || !isImageName(file.name)) continue;
      const path = join(file.parentPath, file.name);
      const id = path
        .slice(root.length + 1)
        .replaceAll('\\', '/')
        .normalize('NFC');
      entries.push({ id, path, label: item.name.normalize('NFC'), where: id });
    }
  }
  if (entries.length === 0) {
    const but = loose > 0 ? ` (${loose} images lie in the folder itself, without a label)` : '';
    throw new CtXaiError('DATA', `${root}: no image was found${but}.`, {
      hint: `Looked for index.csv, then for one subfolder per class with ${IMAGE_EXTENSIONS.join(', ')} files.`,
    });
  }
  return entries.sort((a, b) => (a.id < b.id ? -1 : 1));
}
