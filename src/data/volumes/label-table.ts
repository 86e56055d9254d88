import { posix, resolve } from 'node:path';
import { CtXaiError } from '../../core/errors.ts';
import { type FindingColumns, findColumns, findingsOf } from '../files/columns.ts';
import { readCsvFile } from '../files/csv.ts';

/** What rows of a table are found by. */
export interface RowKeys {
  /** Relative to the data's folder, with '/'. */
  readonly path: string;
  readonly patient?: string;
  readonly series?: string;
  readonly slice?: number;
}

/** What a table says of a slice. */
export interface RowFacts {
  readonly label?: string;
  readonly split?: string;
  readonly patient?: string;
  readonly groups?: Readonly<Record<string, string>>;
  readonly findings?: Readonly<Record<string, boolean>>;
}

export interface LabelTable {
  /** What the rows say of a slice; undefined where none is about it. */
  factsOf(keys: RowKeys): RowFacts | undefined;
  /** After all slices were asked for: rows that were about none. */
  remarks(): string[];
}

export const TABLE_COLUMNS = ['file', 'series', 'patient', 'slice', 'label', 'split'] as const;
export type TableColumn = (typeof TABLE_COLUMNS)[number];

interface TableRow {
  readonly line: number;
  readonly cell: (column: TableColumn) => string | undefined;
  readonly groups: Readonly<Record<string, string>>;
  readonly findings?: Readonly<Record<string, boolean>>;
  used: boolean;
}

/**
 * Reads a table of labels, splits and subgroups by file (or folder), series or patient; with a column `slice` also by
 * the slice's number. Rows by file or series may name the patient; rows by patient are found by the patient's number or
 * a folder of that name.
 * @throws CtXaiError DATA where no column says what the rows are about, or two rows are about the same.
 */
export async function readLabelTable(
  root: string,
  index: string,
  given: { readonly [C in TableColumn]?: string | false | undefined },
  groups: readonly string[],
  findings?: FindingColumns,
): Promise<LabelTable> {
  const { header, rows, remarks } = await readCsvFile(resolve(root, index), index);
  const columns = findColumns(header, { index, known: TABLE_COLUMNS, given, needed: [], groups, findings });
  const key = (['file', 'series', 'patient'] as const).find(c => columns.at[c] !== undefined);
  if (key === undefined) {
    throw new CtXaiError(
      'DATA',
      `${index} has no column 'file', 'series' or 'patient', so its rows are about nothing.`,
      {
        hint: `It has: ${header.join(', ')}. Name one by 'columns: { patient: … }'.`,
      },
    );
  }
  const bySlice = columns.at.slice !== undefined;
  const byKey = new Map<string, TableRow>();
  for (const { cells, line } of rows) {
    const cell = (column: TableColumn) => {
      const at = columns.at[column];
      return at === undefined ? undefined : cells[at] || undefined;
    };
    const name = cell(key);
    if (name === undefined) throw new CtXaiError('DATA', `${index}, line ${line}: the ${key} is empty.`);
    const id = keyOf(key === 'file' ? plainPath(name) : name, bySlice ? Number(cell('slice')) : undefined);
    const other = byKey.get(id);
    if (other) throw new CtXaiError('DATA', `${index}: lines ${other.line} and ${line} are about the same ${key}.`);
    const of = Object.fromEntries(columns.groups.flatMap(g => (cells[g.at] ? [[g.name, cells[g.at]!]] : [])));
    const said = findingsOf(columns, cells, `${index}, line ${line}`);
    byKey.set(id, { line, cell, groups: of, ...(said ? { findings: said } : {}), used: false });
  }
  return {
    factsOf(keys) {
      const slice = bySlice ? keys.slice : undefined;
      const found = namesOf(key, keys)
        .map(name => byKey.get(keyOf(name, slice)))
        .find(row => row !== undefined);
      if (!found) return undefined;
      found.used = true;
      const [label, split, patient] = [found.cell('label'), found.cell('split'), found.cell('patient')];
      return {
        ...(label === undefined ? {} : { label }),
        ...(split === undefined ? {} : { split }),
        ...(patient === undefined || key === 'patient' ? {} : { patient }),
        ...(columns.groups.length > 0 ? { groups: found.groups } : {}),
        ...(found.findings ? { findings: found.findings } : {}),
      };
    },
    remarks() {
      const idle = [...byKey.values()].filter(row => !row.used);
      const lines = idle
        .slice(0, 5)
        .map(row => row.line)
        .join(', ');
      return [
        ...remarks,
        ...(columns.unused.length > 0 ? [`${index}: columns not used: ${columns.unused.join(', ')}`] : []),
        ...(idle.length > 0
          ? [`${index}: ${idle.length} rows are about no slice (lines ${lines}${idle.length > 5 ? ', …' : ''})`]
          : []),
      ];
    },
  };
}

/** Names under which a row about this slice may stand, nearest first. */
function namesOf(key: 'file' | 'series' | 'patient', { path, series, patient }: RowKeys): string[] {
  const parts = path.split('/');
  const folders = parts.slice(0, -1);
  if (key === 'file') {
    // The file itself, without its endings, its name alone, and the folders that it lies in.
    const above = folders.map((_, i) => folders.slice(0, folders.length - i).join('/'));
    return [path, withoutEnding(path), parts.at(-1)!, withoutEnding(parts.at(-1)!), ...above];
  }
  const own = key === 'series' ? series : patient;
  return [...(own ? [own] : []), ...folders.reverse(), withoutEnding(parts.at(-1)!)];
}

/** 'a/b.nii.gz' → 'a/b'. */
export function withoutEnding(path: string): string {
  return path.replace(/(\.(nii|mha|mhd|npy|npz|dcm))?(\.gz)?$/i, '');
}

function plainPath(name: string): string {
  return posix.normalize(name.replaceAll('\\', '/')).normalize('NFC').replace(/\/$/, '');
}

function keyOf(name: string, slice: number | undefined): string {
  return slice === undefined ? name : `${name}\n${slice}`;
}

/**
 * Labels by the folders that slices lie in: the first folder, if it has fewer names than there are patients (folders
 * that are one patient each are no labels). Undefined where folders say nothing.
 */
export function folderLabels(
  slices: readonly { readonly path: string; readonly patient: string }[],
): ReadonlySet<string> | undefined {
  const folders = new Set<string>();
  const patients = new Set<string>();
  for (const { path, patient } of slices) {
    if (!path.includes('/')) return undefined;
    folders.add(firstFolder(path));
    patients.add(patient);
  }
  return folders.size > 1 && folders.size < patients.size ? folders : undefined;
}

export function firstFolder(path: string): string {
  return path.slice(0, path.indexOf('/'));
}
