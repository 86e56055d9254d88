import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SampleFactor } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { insideFolder } from '../../files/inside.ts';
import { findColumns } from '../files/columns.ts';
import { readCsvFile } from '../files/csv.ts';
import { withoutEnding } from '../volumes/label-table.ts';

/** Effects are exact over all subsets of a sample's factors, so there are at most this many: 2⁶ images. */
export const MOST_FACTORS = 6;

export const PAIR_COLUMNS = [
  'image',
  'without',
  'factor',
  'role',
  'mask',
  'patient',
  'label',
  'split',
  'local',
] as const;

/** Names of the table's columns where they differ; false: it has no such column. */
export type PairColumns = { readonly [C in (typeof PAIR_COLUMNS)[number]]?: string | false | undefined };

/** Roles that a row may give; a placebo is a copy of the image that differs from it by chance alone. */
export const ROLES = ['lesion', 'distractor', 'confounder', 'placebo'] as const;
type Role = (typeof ROLES)[number];

/** An image with all the counterfactuals that the table has of it. */
export interface PairedImage {
  readonly id: string;
  readonly image: string;
  readonly patient: string;
  readonly label?: string;
  readonly split?: string;
  readonly groups: Readonly<Record<string, string>>;
  readonly factors: readonly SampleFactor[];
  /** Files by the factors that are gone, joined by '+' in the order of `factors`. */
  readonly without: ReadonlyMap<string, string>;
  /** Files of masks of its lesions. */
  readonly masks: readonly string[];
  /** Copies that differ by chance alone. */
  readonly placebos: readonly string[];
}

export interface PairTable {
  readonly images: readonly PairedImage[];
  /** Every file that the table names. */
  readonly files: readonly string[];
  readonly remarks: readonly string[];
}

interface Row {
  readonly line: number;
  readonly image: string;
  readonly without?: string;
  readonly factor: string;
  readonly role: Role;
  /** Absent: as its change tells. */
  readonly local?: false;
  readonly mask?: string;
  readonly patient?: string;
  readonly label?: string;
  readonly split?: string;
  readonly groups: Readonly<Record<string, string>>;
}

/**
 * Reads a table of counterfactual pairs. Rows of one image are its factors; `a+b` under `factor` is the image without
 * both. An image with an empty `without` has nothing that could be taken away.
 * @param path the CSV file; paths in it start from its folder.
 * @param index what it is called in errors
 * @throws CtXaiError DATA naming the line.
 */
export async function readPairs(
  path: string,
  index: string,
  { groups, columns }: { readonly groups: readonly string[]; readonly columns: PairColumns },
): Promise<PairTable> {
  const { header, rows, remarks } = await readCsvFile(path, index);
  const known = findColumns(header, {
    ...{ index, groups },
    known: PAIR_COLUMNS,
    given: columns,
    needed: ['image', 'without'],
  });
  const root = dirname(path);
  const read = rows.map(({ cells, line }): Row => {
    const cell = (column: (typeof PAIR_COLUMNS)[number]) => {
      const place = known.at[column];
      return place === undefined ? undefined : cells[place] || undefined;
    };
    const where = `${index}, line ${line}`;
    const file = (name: string, column: string): string => {
      const found = insideFolder(root, name);
      if (found !== undefined) return found;
      throw new CtXaiError('DATA', `${where}: the path of '${column}' leads out of the folder: ${name}.`);
    };
    const image = cell('image');
    if (image === undefined) throw new CtXaiError('DATA', `${where}: the image is empty.`);
    const role = cell('role') ?? 'lesion';
    if (!(ROLES as readonly string[]).includes(role)) {
      throw new CtXaiError('DATA', `${where}: the role '${role}' is unknown.`, { hint: `Roles: ${ROLES.join(', ')}.` });
    }
    const local = cell('local') ?? 'yes';
    if (local !== 'yes' && local !== 'no') {
      throw new CtXaiError('DATA', `${where}: 'local' is '${local}'.`, {
        hint: "'no' says that the factor is everywhere in the image, so that no map is scored on it; else 'yes' or nothing.",
      });
    }
    const optional = { without: cell('without'), mask: cell('mask') };
    const said = { patient: cell('patient'), label: cell('label'), split: cell('split') };
    return {
      line,
      image: file(image, 'image'),
      ...Object.fromEntries(Object.entries(optional).flatMap(([k, v]) => (v === undefined ? [] : [[k, file(v, k)]]))),
      ...Object.fromEntries(Object.entries(said).filter(([, v]) => v !== undefined)),
      factor: cell('factor') ?? role,
      role: role as Role,
      ...(local === 'no' ? { local: false as const } : {}),
      groups: Object.fromEntries(known.groups.flatMap(g => (cells[g.at] ? [[g.name, cells[g.at]!]] : []))),
    };
  });
  if (read.length === 0) throw new CtXaiError('DATA', `${index} has no rows.`);
  const byImage = new Map<string, Row[]>();
  for (const row of read) byImage.set(row.image, [...(byImage.get(row.image) ?? []), row]);
  const images = [...byImage].map(([image, of]) => pairedImage(image, of, root, index));
  const files = [
    ...new Set(read.flatMap(({ image, without, mask }) => [image, without, mask].filter(f => f !== undefined))),
  ];
  await requireFiles(files, read, index);
  return { images, files, remarks };
}

function pairedImage(image: string, rows: readonly Row[], root: string, index: string): PairedImage {
  const [first] = rows as [Row, ...Row[]];
  for (const key of ['patient', 'label', 'split'] as const) {
    const other = rows.find(row => row[key] !== first[key]);
    if (!other) continue;
    throw new CtXaiError(
      'DATA',
      `${index}: lines ${first.line} and ${other.line} give the same image another ${key}: ` +
        `'${first[key] ?? ''}' and '${other[key] ?? ''}'.`,
    );
  }
  const id = withoutEnding(image.slice(root.length + 1)).replace(/\.(png|jpe?g|tiff?|bmp)$/i, '');
  const removing = rows.filter((row): row is Row & { without: string } => row.without !== undefined);
  const [placebos, others] = [true, false].map(is => removing.filter(row => (row.role === 'placebo') === is));
  const single = others!.filter(row => !row.factor.includes('+'));
  const factors = single.map(
    ({ factor, role, local }): SampleFactor => ({ name: factor, role, ...(local === false ? { local } : {}) }),
  );
  const names = factors.map(f => f.name);
  const double = names.find((name, k) => names.indexOf(name) !== k);
  if (double !== undefined) {
    throw new CtXaiError('DATA', `${index}: ${id} has two rows for the factor '${double}'.`, {
      hint: "Give each factor of an image a name of its own in the column 'factor'.",
    });
  }
  if (factors.length > MOST_FACTORS) {
    throw new CtXaiError(
      'DATA',
      `${index}: ${id} has ${factors.length} factors; at most ${MOST_FACTORS} are possible.`,
      {
        hint: 'Effects are exact over all subsets of the factors. Put small ones together in one row.',
      },
    );
  }
  const without = new Map<string, string>();
  for (const row of others!) {
    const parts = row.factor.split('+');
    const unknown = parts.find(part => !names.includes(part));
    if (unknown !== undefined) {
      throw new CtXaiError(
        'DATA',
        `${index}, line ${row.line}: '${unknown}' in '${row.factor}' has no row of its own.`,
      );
    }
    without.set(names.filter(name => parts.includes(name)).join('+'), row.without);
  }
  const masks = rows.flatMap(({ mask, role }) => (mask !== undefined && role === 'lesion' ? [mask] : []));
  return {
    id,
    image,
    patient: first.patient ?? id,
    ...(first.label === undefined ? {} : { label: first.label }),
    ...(first.split === undefined ? {} : { split: first.split }),
    groups: first.groups,
    factors,
    without,
    masks: [...new Set(masks)],
    placebos: placebos!.map(row => row.without),
  };
}

async function requireFiles(files: readonly string[], rows: readonly Row[], index: string): Promise<void> {
  for (const file of files) {
    const found = await stat(file).catch(() => undefined);
    if (found?.isFile()) continue;
    const row = rows.find(r => [r.image, r.without, r.mask].includes(file))!;
    throw new CtXaiError('DATA', `${index}, line ${row.line}: there is no file ${file}.`);
  }
}
