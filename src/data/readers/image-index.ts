import { existsSync } from 'node:fs';
import { extname, isAbsolute, posix, resolve } from 'node:path';
import { CtXaiError } from '../../core/errors.ts';
import { type FindingColumns, findColumns, findingsOf } from '../files/columns.ts';
import { readCsvFile } from '../files/csv.ts';
import { leftOutRemark, walkFolder } from '../files/walk.ts';
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
  readonly groups?: Readonly<Record<string, string>>;
  readonly findings?: Readonly<Record<string, boolean>>;
  /** For messages: 'index.csv, line 7: a.png'. */
  readonly where: string;
}

export interface ListedImages {
  readonly entries: readonly ImageEntry[];
  readonly remarks: readonly string[];
}

export const COLUMNS = ['file', 'label', 'split', 'patient', 'mask', 'spacing'] as const;
type Column = (typeof COLUMNS)[number];

export interface IndexOptions {
  readonly root: string;
  readonly index: string;
  /** Folder that the file column's paths start from. */
  readonly images: string;
  /** Columns that the suite names; the others have their own names and, but for `file`, may be absent. */
  readonly columns: { readonly [C in Column]?: string | false | undefined };
  readonly groups: readonly string[];
  readonly findings?: FindingColumns | undefined;
  readonly split?: readonly string[];
}

/** Reads `index.csv`. @throws CtXaiError DATA naming the line. */
export async function readIndex(options: IndexOptions): Promise<ListedImages> {
  const path = resolve(options.root, options.index);
  if (!existsSync(path)) {
    throw new CtXaiError('DATA', `the index ${path} can't be read: there is no such file.`, {
      hint: "Set 'index' to the CSV file's name, or leave it out for one folder per class.",
    });
  }
  const { header, rows, remarks } = await readCsvFile(path, options.index);
  const columns = findColumns(header, {
    index: options.index,
    known: COLUMNS,
    given: options.columns,
    needed: options.split ? ['file', 'split'] : ['file'],
    groups: options.groups,
    findings: options.findings,
  });
  const entries: ImageEntry[] = [];
  const splits = new Set<string>();
  for (const { cells, line } of rows) {
    const where = `${options.index}, line ${line}`;
    const cell = (column: Column): string | undefined => {
      const at = columns.at[column];
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
    const found = findFile(resolve(options.root, options.images), file);
    const groups = Object.fromEntries(columns.groups.flatMap(g => (cells[g.at] ? [[g.name, cells[g.at]!]] : [])));
    const findings = findingsOf(columns, cells, `${where}: ${file}`);
    entries.push({
      id: found.id,
      path: found.path,
      where: `${where}: ${file}`,
      ...(label === undefined ? {} : { label }),
      ...(patient === undefined ? {} : { patient }),
      ...(split ? { split } : {}),
      ...(mask ? { maskPath: findFile(options.root, mask).path } : {}),
      ...(spacing ? { spacing: parseSpacing(spacing, `${where}: ${file}`) } : {}),
      ...(columns.groups.length > 0 ? { groups } : {}),
      ...(findings ? { findings } : {}),
    });
  }
  if (options.split && entries.length === 0) {
    throw new CtXaiError('DATA', `${path}: no row has split ${options.split.map(s => `'${s}'`).join(' or ')}.`, {
      hint: `There are: ${[...splits].join(', ')}.`,
    });
  }
  const unused = columns.unused.length > 0 ? [`${options.index}: columns not used: ${columns.unused.join(', ')}`] : [];
  return { entries, remarks: [...remarks, ...unused] };
}

/**
 * A path as written; in the other Unicode form where only that exists (archives made on macOS decompose names); with
 * '/' where it was written with '\' on Windows. The id is the same however the path is spelt ('./a.png' is 'a.png').
 */
function findFile(folder: string, name: string): { id: string; path: string } {
  const spellings = [name, ...(name.includes('\\') ? [name.replaceAll('\\', '/')] : [])];
  const forms = spellings.flatMap(s => [s, s.normalize('NFC'), s.normalize('NFD')]);
  const found = forms.find(f => existsSync(resolve(folder, f))) ?? name;
  return { id: posix.normalize(found).normalize('NFC'), path: isAbsolute(found) ? found : resolve(folder, found) };
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

/**
 * Images in subfolders, whose names are the labels; any depth below them.
 * @param masks Folder of masks, which is no class.
 * @throws CtXaiError DATA if there are none
 */
export async function scanFolders(root: string, masks?: string): Promise<ListedImages> {
  const skipped = masks === undefined ? undefined : resolve(root, masks);
  const { files, leftOut } = await walkFolder(root, id => resolve(root, id) === skipped);
  const entries: ImageEntry[] = [];
  const others = new Map<string, number>();
  let loose = 0;
  for (const { id, path } of files) {
    if (!isImageName(id)) {
      const ending = extname(id).toLowerCase() || 'no ending';
      others.set(ending, (others.get(ending) ?? 0) + 1);
    } else if (id.includes('/')) entries.push({ id, path, label: id.slice(0, id.indexOf('/')), where: id });
    else loose++;
  }
  const endings = [...others].map(([ending, n]) => `${ending} (${n})`).join(', ');
  if (entries.length === 0) {
    const found = [
      ...(loose > 0 ? [`${loose} images lie in the folder itself, without a label`] : []),
      ...(endings ? [`other files: ${endings}`] : []),
    ];
    throw new CtXaiError('DATA', `${root}: no image was found${found.length > 0 ? ` (${found.join('; ')})` : ''}.`, {
      hint:
        otherReader(others) ??
        `Looked for index.csv, then for one subfolder per class with ${IMAGE_EXTENSIONS.join(', ')} files.`,
    });
  }
  const remarks = [
    leftOutRemark(leftOut),
    loose > 0 ? `left out, since they lie in no class's folder: ${loose} images` : undefined,
    endings ? `left out, since they are no pictures by their names: ${endings}` : undefined,
    ...maskClasses(entries),
  ].filter(r => r !== undefined);
  return { entries, remarks };
}

/** What to say of a folder that another reader takes. */
function otherReader(endings: ReadonlyMap<string, number>): string | undefined {
  const readers = { '.dcm': 'dicom', '.nii': 'nifti', '.gz': 'nifti', '.mha': 'metaimage', '.mhd': 'metaimage' };
  const found = Object.entries(readers).find(([ending]) => endings.has(ending));
  return found && `The files ending in ${found[0]} are read by 'data: { use: ${found[1]}, path: … }'.`;
}

/** Classes that are called as folders of masks are. */
function maskClasses(entries: readonly ImageEntry[]): string[] {
  const found = new Set(
    entries.flatMap(e => (/^(masks?|segmentations?|annotations?)$/i.test(e.label!) ? e.label! : [])),
  );
  return [...found].map(name => `the folder '${name}' was taken for a class; if it holds masks, set 'masks: ${name}'`);
}
