import { z } from 'zod';
import { CtXaiError, nearest } from '../../core/errors.ts';
import { findingIn } from '../../core/findings.ts';

/** Words that differ from a column's name by one letter and mean something else. */
const OTHER_WORDS: ReadonlySet<string> = new Set(['mass', 'tile']);

/** What else people call a column, in small letters and digits alone. */
const OTHER_NAMES = {
  file: ['filename', 'filepath', 'image', 'imagefile', 'imagename', 'imagepath', 'images', 'img', 'path', 'name'],
  label: ['labels', 'class', 'classname', 'diagnosis', 'finding', 'target', 'category', 'groundtruth'],
  patient: ['patientid', 'patients', 'patientnumber', 'subject', 'subjectid', 'pid', 'case', 'caseid', 'person'],
  split: ['splits', 'set', 'subset', 'fold', 'partition'],
  mask: ['masks', 'maskfile', 'maskpath', 'maskname', 'segmentation', 'seg', 'annotation'],
  spacing: ['pixelspacing', 'pixelsize', 'spacingmm', 'mmperpixel'],
  series: ['seriesid', 'seriesuid', 'seriesinstanceuid', 'scan', 'scanid', 'study', 'studyid', 'exam', 'examid'],
  slice: ['slices', 'sliceid', 'slicenumber', 'instance', 'instancenumber'],
  image: ['images', 'imagefile', 'imagename', 'imagepath', 'img', 'file', 'filename', 'filepath', 'path', 'with'],
  without: ['withoutfile', 'withoutpath', 'counterfactual', 'counterfactuals', 'removed'],
  factor: ['factors', 'factorname'],
  role: ['roles'],
  local: ['localised', 'localized'],
} as const;

/** A column that readers know. */
export type KnownColumn = keyof typeof OTHER_NAMES;

export interface ColumnsOptions<C extends KnownColumn> {
  /** Said in errors: the index. */
  readonly index: string;
  /** Columns that the reader can use. */
  readonly known: readonly C[];
  /** What the suite says: a column's name in the file, or false where the file has none for it. */
  readonly given: { readonly [K in KnownColumn]?: string | false | undefined };
  /** Columns that must be there. */
  readonly needed: readonly C[];
  /** Other columns that the suite names, for subgroups. */
  readonly groups?: readonly string[];
  /** Columns that say of a finding whether it is there: names of findings, or of findings and their columns. */
  readonly findings?: FindingColumns | undefined;
}

/** Names of columns that are findings, or the column of each finding. */
export type FindingColumns = readonly string[] | Readonly<Record<string, string>>;

export interface FoundColumns<C extends KnownColumn> {
  readonly at: { readonly [K in C]?: number };
  readonly groups: readonly { readonly name: string; readonly at: number }[];
  readonly findings: readonly { readonly name: string; readonly at: number }[];
  /** Names of columns that nothing uses. */
  readonly unused: readonly string[];
}

/**
 * Where each column stands in the header.
 * @throws CtXaiError DATA where a column that is named or needed is missing; where a name stands twice; and where a
 * column that was not asked for looks like one that was not found ('PatientID', 'Label'), so that nothing is dropped
 * in silence.
 */
export function findColumns<C extends KnownColumn>(header: readonly string[], o: ColumnsOptions<C>): FoundColumns<C> {
  const double = header.find((name, i) => name !== '' && header.indexOf(name) !== i);
  if (double !== undefined) throw new CtXaiError('DATA', `${o.index} has two columns called '${double}'.`);
  const at: { [K in C]?: number } = {};
  const missing: C[] = [];
  for (const column of o.known) {
    const given = o.given[column];
    if (given === false) continue;
    const place = header.indexOf(given ?? column);
    if (place >= 0) at[column] = place;
    else if (given !== undefined || o.needed.includes(column)) throw noColumn(column, given ?? column, header, o.index);
    else missing.push(column);
  }
  const groups = (o.groups ?? []).map(name => ({ name, at: groupAt(name, header, o.index) }));
  const findings = findingNames(o.findings).map(([name, column]) => ({ name, at: findingAt(column, header, o.index) }));
  const used = new Set<number>([
    ...Object.values<number | undefined>(at).flatMap(v => v ?? []),
    ...groups.map(g => g.at),
    ...findings.map(f => f.at),
  ]);
  const unused = header.filter((name, i) => name !== '' && !used.has(i));
  askBack(missing, unused, o.index);
  return { at, groups, findings, unused };
}

/** The option of readers that have a table. */
export const findingColumns = z
  .union([z.array(z.string()).min(1), z.record(z.string(), z.string())])
  .optional()
  .describe(
    'For models of several findings: columns of the index that say 1 where a finding is there, 0 where it is not, and ' +
      'nothing (or −1) where it is not known. Their names, or Finding: column.',
  );

export function namesOfFindings(findings: FindingColumns): string[] {
  return findingNames(findings).map(([finding]) => finding);
}

/** Findings with their columns. */
function findingNames(findings: FindingColumns = []): (readonly [finding: string, column: string])[] {
  return Array.isArray(findings) ? findings.map(name => [name, name]) : Object.entries(findings);
}

function findingAt(column: string, header: readonly string[], index: string): number {
  const place = header.indexOf(column);
  if (place >= 0) return place;
  const near = nearest(column, header);
  throw new CtXaiError('DATA', `data.findings: ${index} has no column '${column}'.`, {
    hint: `${near ? `Did you mean '${near}'? ` : ''}It has: ${header.join(', ')}.`,
  });
}

/**
 * What a row says of each finding; what is not known is left out.
 * @throws CtXaiError DATA for a cell that says neither yes, no nor unknown
 */
export function findingsOf(
  columns: Pick<FoundColumns<never>, 'findings'>,
  cells: readonly string[],
  where: string,
): Readonly<Record<string, boolean>> | undefined {
  if (columns.findings.length === 0) return undefined;
  const found: Record<string, boolean> = {};
  for (const { name, at } of columns.findings) {
    const said = findingIn(cells[at] ?? '');
    if (said === 'unreadable') {
      throw new CtXaiError('DATA', `${where}: the cell of '${name}' is '${cells[at]}'.`, {
        hint: 'A finding is 1 (there) or 0 (not there); an empty cell or −1 says that it is not known.',
      });
    }
    if (said !== undefined) found[name] = said;
  }
  return found;
}

function noColumn(column: KnownColumn, name: string, header: readonly string[], index: string): CtXaiError {
  const near = header.find(h => looksLike(h, column)) ?? nearest(name, header);
  return new CtXaiError('DATA', `${index} has no column '${name}' for the ${column}.`, {
    hint:
      `${near ? `Did you mean '${near}'? ` : ''}It has: ${header.join(', ')}. ` +
      `Name the column by 'columns: { ${column}: … }'.`,
  });
}

function askBack(missing: readonly KnownColumn[], unused: readonly string[], index: string): void {
  const doubts = missing.flatMap(column => {
    const like = unused.filter(name => looksLike(name, column));
    return like.length > 0 ? [{ column, like }] : [];
  });
  if (doubts.length === 0) return;
  const all = doubts.map(({ column, like }) => `'${like.join("', '")}' like a column '${column}'`).join(', ');
  const take = doubts.map(({ column, like }) => `${column}: ${/^[\w-]+$/.test(like[0]!) ? like[0] : `'${like[0]}'`}`);
  const leave = doubts.map(({ column }) => `${column}: false`);
  throw new CtXaiError('DATA', `${index} has no column '${doubts[0]!.column}', but looks as if it had: ${all}.`, {
    hint:
      `Say which it is: 'columns: { ${take.join(', ')} }' takes ${doubts.length > 1 ? 'them' : 'it'}, ` +
      `'columns: { ${leave.join(', ')} }' goes on without.`,
  });
}

/** Columns that say who a patient is must not reach a run folder. */
const PRIVATE = /name|birth|^dob$|date|address|phone|^mrn$|insurance/i;

function groupAt(name: string, header: readonly string[], index: string): number {
  if (PRIVATE.test(name)) {
    throw new CtXaiError(
      'DATA',
      `data.groups: '${name}' looks like a name or a date, which never reach a run folder.`,
      {
        hint: 'Name columns that say what a patient has in common with others: an age band, sex, site, vendor, kernel.',
      },
    );
  }
  const place = header.indexOf(name);
  if (place >= 0) return place;
  const near = nearest(name, header);
  throw new CtXaiError('DATA', `data.groups: ${index} has no column '${name}'.`, {
    hint: `${near ? `Did you mean '${near}'? ` : ''}It has: ${header.join(', ')}.`,
  });
}

/** Whether a name is another spelling of a column: 'PatientID', 'Label', 'lable'. */
function looksLike(name: string, column: KnownColumn): boolean {
  const plain = name.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '');
  if (OTHER_WORDS.has(plain)) return false;
  return plain === column || (OTHER_NAMES[column] as readonly string[]).includes(plain) || oneSlip(plain, column);
}

/** Whether one letter is missing, too many or another, or two neighbours have changed places. */
function oneSlip(a: string, b: string): boolean {
  if (Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < Math.min(a.length, b.length) && a[start] === b[start]) start++;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  if (restA.length !== restB.length) return restA.slice(1) === restB || restB.slice(1) === restA;
  if (restA.slice(1) === restB.slice(1)) return true;
  return restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
}
