import { basename } from 'node:path';
import { z } from 'zod';
import type { Dataset, LoadedSample, Sample } from '../../core/contracts/index.ts';
import { jsonDigest } from '../../core/digest.ts';
import { CtXaiError } from '../../core/errors.ts';
import { findingColumns, namesOfFindings } from '../files/columns.ts';
import { maxPixels, refuseLarge } from '../pixels/limit.ts';
import {
  firstFolder,
  folderLabels,
  type LabelTable,
  type RowKeys,
  readLabelTable,
  TABLE_COLUMNS,
} from './label-table.ts';

/** A slice as a reader offers it. */
export interface OfferedSlice {
  readonly id: string;
  readonly where: string;
  readonly patient: string;
  readonly exam?: string;
  readonly groups?: Readonly<Record<string, string>>;
  readonly label?: string;
  readonly findings?: Readonly<Record<string, boolean>>;
  readonly split?: string;
  readonly hasMask: boolean;
  /** [rows, columns], where they are known before it is loaded. */
  readonly size?: readonly [number, number];
  /** What tables and patterns find it by. */
  readonly keys: RowKeys;
  load(signal?: AbortSignal): Promise<LoadedSample>;
}

const column = z.union([z.string(), z.literal(false)]).optional();

/** Options of labels, splits, subgroups and size that readers of volumes share. */
export const labelOptions = {
  index: z.string().optional().describe('CSV file in the folder with a row per file, series or patient.'),
  columns: z
    .strictObject(
      Object.fromEntries(TABLE_COLUMNS.map(c => [c, column])) as {
        [C in (typeof TABLE_COLUMNS)[number]]: typeof column;
      },
    )
    .default({})
    .describe('Names of the index’s columns where they differ from file, series, patient, slice, label, split.'),
  findings: findingColumns,
  groups: z.array(z.string()).default([]).describe('Columns of the index that put patients into subgroups.'),
  split: z
    .union([z.string(), z.array(z.string()).min(1)])
    .optional()
    .describe('Only slices with this split (or one of these) in the index.'),
  label: z.string().optional().describe('The label of all slices, where they have none of their own.'),
  labelFolders: z
    .boolean()
    .optional()
    .describe('Whether the first folders’ names are the labels. Default: if there are fewer of them than patients.'),
  patientPattern: z
    .string()
    .optional()
    .describe('Regular expression on the relative path; its first group is the patient.'),
  maxPixels,
} as const;

const shape = z.strictObject(labelOptions);
export type LabelOptions = z.output<typeof shape>;

export interface Assembly {
  readonly root: string;
  /** What the data set is called. Default: as its folder. */
  readonly name?: string;
  readonly options: LabelOptions;
  readonly slices: readonly OfferedSlice[];
  /** How a patient that a table or pattern names is called. Default: by that name. */
  readonly patientName?: (name: string) => string;
  readonly remarks: readonly string[];
  readonly leftOut: readonly { readonly path: string; readonly reason: string }[];
  readonly digest: string;
}

/** The slices with their labels, splits, subgroups and patients, as a dataset. @throws CtXaiError DATA */
export async function assemble({ root, options, slices, ...rest }: Assembly): Promise<Dataset> {
  const { index, columns, groups, findings, split } = options;
  if (findings && index === undefined)
    throw new CtXaiError('DATA', "data.findings: they stand in a table; name it by 'index'.");
  const table = index === undefined ? undefined : await readLabelTable(root, index, columns, groups, findings);
  if (split !== undefined && !table && slices.every(s => s.split === undefined)) {
    throw new CtXaiError('DATA', "data.split: the data has no splits, and no 'index' with a column for them.");
  }
  const wanted = typeof split === 'string' ? [split] : split;
  const found = slices.map(slice => completed(slice, table, options, rest.patientName ?? (n => n)));
  const folders = options.labelFolders === false ? undefined : labelFoldersOf(found, options);
  const samples = found
    .map(s => (s.label === undefined && folders ? { ...s, label: firstFolder(s.keys.path) } : s))
    .map(s => (s.label === undefined && options.label !== undefined ? { ...s, label: options.label } : s))
    .filter(s => !wanted || wanted.includes(s.split ?? ''));
  if (samples.length === 0) {
    const splits = [...new Set(found.flatMap(s => s.split ?? []))];
    throw new CtXaiError(
      'DATA',
      `${root}: no slice ${wanted ? `has the split ${wanted.join(' or ')}` : 'was found'}.`,
      {
        hint: wanted ? `There are: ${splits.join(', ') || 'none'}.` : reasonsOf(rest.leftOut),
      },
    );
  }
  const labels = [...new Set(samples.flatMap(s => s.label ?? []))].sort();
  const unlabelled = samples.filter(s => s.label === undefined).length;
  const remarks = [
    ...(folders ? [`labels are the names of the first folders: ${[...folders].sort().join(', ')}`] : []),
    ...(labels.length > 0 && unlabelled > 0 ? [`${unlabelled} slices have no label`] : []),
    ...(table?.remarks() ?? []),
    ...rest.remarks,
    ...(rest.leftOut.length > 0 ? [`left out: ${reasonsOf(rest.leftOut)}`] : []),
  ];
  return {
    name: rest.name ?? basename(root),
    labels,
    ...(findings ? { findings: namesOfFindings(findings) } : {}),
    // The table is no file of the images: its labels are part of the data all the same.
    digest: table ? jsonDigest([rest.digest, samples.map(saidOf)]) : rest.digest,
    count: samples.length,
    async *samples() {
      for (const sample of samples) yield asSample(sample, options.maxPixels);
    },
    remarks,
    leftOut: rest.leftOut,
  };
}

/** What a table may say of a slice. */
function saidOf({ id, patient, label, findings, groups }: OfferedSlice) {
  return [id, patient, label ?? null, findings ?? null, groups ?? null];
}

function completed(
  slice: OfferedSlice,
  table: LabelTable | undefined,
  { patientPattern }: LabelOptions,
  name: (patient: string) => string,
): OfferedSlice {
  const facts = table?.factsOf(slice.keys);
  const matched = patientPattern === undefined ? undefined : patientBy(patientPattern, slice.keys.path, slice.id);
  const patient = facts?.patient ?? matched;
  return {
    ...slice,
    ...(facts?.label === undefined ? {} : { label: facts.label }),
    ...(facts?.findings ? { findings: facts.findings } : {}),
    ...(facts?.split === undefined ? {} : { split: facts.split }),
    ...(patient === undefined ? {} : { patient: name(patient) }),
    ...(facts?.groups || slice.groups ? { groups: { ...slice.groups, ...facts?.groups } } : {}),
  };
}

/**
 * What a pattern's first group finds in a path.
 * @param called How the path is called in errors: it may hold a patient's name.
 * @throws CtXaiError DATA where it finds nothing
 */
export function patientBy(pattern: string, path: string, called: string): string {
  let found: string | undefined;
  try {
    found = new RegExp(pattern, 'u').exec(path)?.[1];
  } catch (cause) {
    throw new CtXaiError('DATA', `data.patientPattern: '${pattern}' is not a regular expression.`, { cause });
  }
  if (found === undefined) {
    throw new CtXaiError('DATA', `data.patientPattern: '${pattern}' finds no patient in the path of ${called}.`, {
      hint: "It needs a group, like '^[^/]+/(P[0-9]+)'.",
    });
  }
  return found;
}

function labelFoldersOf(
  slices: readonly OfferedSlice[],
  { labelFolders }: LabelOptions,
): ReadonlySet<string> | undefined {
  const open = slices
    .filter(s => s.label === undefined)
    .map(s => ({ id: s.id, path: s.keys.path, patient: s.patient }));
  if (open.length === 0) return undefined;
  if (!labelFolders) return open.length === slices.length ? folderLabels(open) : undefined;
  const loose = open.find(s => !s.path.includes('/'));
  if (loose) throw new CtXaiError('DATA', `data.labelFolders: ${loose.id} lies in no folder that could be its label.`);
  return new Set(open.map(s => firstFolder(s.path)));
}

const SHOWN = 3;

/** 'it is a localiser (4 files), x.dcm: it ends early', most frequent first. */
export function reasonsOf(leftOut: readonly { readonly path: string; readonly reason: string }[]): string {
  const byReason = new Map<string, string[]>();
  for (const { path, reason } of leftOut) byReason.set(reason, [...(byReason.get(reason) ?? []), path]);
  const sorted = [...byReason].sort((a, b) => b[1].length - a[1].length);
  const words = sorted.map(([reason, paths]) => {
    const more = paths.length > SHOWN ? ` and ${paths.length - SHOWN} more` : '';
    return `${paths.slice(0, SHOWN).join(', ')}${more}: ${reason}`;
  });
  const more = words.length > 10 ? `; and ${words.length - 10} other reasons` : '';
  return words.slice(0, 10).join('; ') + more;
}

function asSample(slice: OfferedSlice, most: number): Sample {
  const { id, where, patient, label, findings, split, hasMask, groups, exam, size } = slice;
  return {
    id,
    patient,
    ...(label === undefined ? {} : { label }),
    ...(findings ? { findings } : {}),
    ...(split === undefined ? {} : { split }),
    hasMask,
    source: where,
    ...(groups && Object.keys(groups).length > 0 ? { groups } : {}),
    ...(exam === undefined ? {} : { exam }),
    async load(signal) {
      if (size) refuseLarge(size, most, where);
      const loaded = await slice.load(signal);
      refuseLarge(loaded.source.pixels.shape, most, where);
      return loaded;
    },
  };
}
