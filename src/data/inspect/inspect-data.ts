import type { Dataset, Sample } from '../../core/contracts/index.ts';
import { messageOf } from '../../core/errors.ts';
import { countFindings, type FindingCount } from '../../core/findings.ts';
import { type ValueDoubt, valueRange } from '../../core/image/doubts.ts';
import { looksBurntIn } from './burnt-in.ts';
import { tensorDigest } from './digest-pixels.ts';
import { nearPairs, perceptualHash } from './near-duplicates.ts';

/** How many images and patients there are of something. */
export interface ImageCount {
  readonly images: number;
  readonly patients: number;
}

/** What the pixels of the images that were read say. */
export interface PixelFindings {
  /** Images read; all of them with `pixels`, else some that are spread over all. */
  readonly read: number;
  /** Images by unit, 'HU' or 'grey'. */
  readonly units: Readonly<Record<string, number>>;
  /** Images by size, '512 × 512', columns first. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Images by millimetres per pixel, '0.7 × 0.7', rows first; 'unknown' where the file does not say. */
  readonly spacings: Readonly<Record<string, number>>;
  /** Least and greatest value over all images, by unit. */
  readonly ranges: Readonly<Record<string, readonly [number, number]>>;
  /** Images in HU with values that no tissue has: below −2048 or above 10000. */
  readonly impossible: readonly string[];
  /** Images in HU without air, as where stored values were not rescaled: nothing below −300. */
  readonly airless: readonly string[];
  /** Images of one value. */
  readonly constant: readonly string[];
  /** Images whose mask is empty. */
  readonly emptyMasks: number;
  /** Images where letters or marks seem to be burnt in. */
  readonly burntIn: readonly string[];
  /** Images that can't be read, each with the reason. */
  readonly unreadable: readonly { readonly id: string; readonly reason: string }[];
  /** Groups of images with the same pixels. */
  readonly duplicates: readonly (readonly string[])[];
  /** Pairs of images of different patients that look the same; undefined: not looked for. */
  readonly nearDuplicates?: readonly (readonly [string, string])[];
}

export interface DataInspection extends ImageCount {
  readonly name: string;
  readonly digest: string;
  /** By label; '' where an image has none. */
  readonly labels: Readonly<Record<string, ImageCount>>;
  /** By split, where there are splits. */
  readonly splits: Readonly<Record<string, ImageCount & { readonly labels: Readonly<Record<string, number>> }>>;
  /** Patients whose images stand in more than one split. */
  readonly crossing: readonly { readonly patient: string; readonly splits: readonly string[] }[];
  /** Patients whose images have more than one label. */
  readonly severalLabels: number;
  /** Images by finding, where the data have a column for each. */
  readonly findings?: Readonly<Record<string, FindingCount>>;
  readonly masks: { readonly found: number; readonly missing: number };
  /** Subgroups by column: images by value. */
  readonly groups: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly pixels: PixelFindings;
  readonly leftOut: readonly { readonly path: string; readonly reason: string }[];
  readonly remarks: readonly string[];
}

/** Images that are read where not all are. */
const LOOKED_AT = 24;

export interface InspectOptions {
  /** Read all images, and look for near duplicates. Default: some, spread over all. */
  readonly pixels?: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress?: (done: number, total: number) => void;
}

/** Counts what a data set holds, and looks at pixels. One image is in memory at a time. */
export async function inspectData(dataset: Dataset, options: InspectOptions = {}): Promise<DataInspection> {
  const counts = await countsOf(dataset);
  return {
    name: dataset.name,
    digest: dataset.digest,
    ...counts,
    pixels: await pixelsOf(dataset, options),
    leftOut: dataset.leftOut ?? [],
    remarks: dataset.remarks ?? [],
  };
}

type Counts = Omit<DataInspection, 'name' | 'digest' | 'pixels' | 'leftOut' | 'remarks'>;

async function countsOf(dataset: Dataset): Promise<Counts> {
  const all = tally();
  const labels = new Map<string, Tally>();
  const splits = new Map<string, Tally & { labels: Map<string, number> }>();
  const splitsOf = new Map<string, Set<string>>();
  const labelsOf = new Map<string, Set<string>>();
  const groups = new Map<string, Map<string, number>>();
  let masks = 0;
  const findings = countFindings(dataset.findings ?? []);
  for await (const sample of dataset.samples()) {
    const { patient, label = '', split, hasMask, groups: own = {} } = sample;
    findings.add(sample);
    add(all, patient);
    add(getOr(labels, label, tally), patient);
    getOr(labelsOf, patient, () => new Set<string>()).add(label);
    if (hasMask) masks++;
    if (split !== undefined) {
      const held = getOr(splits, split, () => ({ ...tally(), labels: new Map<string, number>() }));
      add(held, patient);
      bump(held.labels, label);
      getOr(splitsOf, patient, () => new Set<string>()).add(split);
    }
    for (const [column, value] of Object.entries(own))
      bump(
        getOr(groups, column, () => new Map()),
        value,
      );
  }
  return {
    ...countOf(all),
    labels: sorted(labels, countOf),
    ...findings.finish(),
    splits: sorted(splits, s => ({ ...countOf(s), labels: sorted(s.labels, n => n) })),
    crossing: [...splitsOf].filter(([, s]) => s.size > 1).map(([patient, s]) => ({ patient, splits: [...s].sort() })),
    severalLabels: [...labelsOf.values()].filter(s => s.size > 1).length,
    masks: { found: masks, missing: all.images - masks },
    groups: sorted(groups, g => sorted(g, n => n)),
  };
}

async function pixelsOf(
  dataset: Dataset,
  { pixels = false, signal, onProgress }: InspectOptions,
): Promise<PixelFindings> {
  const step = pixels ? 1 : Math.max(1, dataset.count / LOOKED_AT);
  const total = pixels ? dataset.count : Math.min(dataset.count, LOOKED_AT);
  const [units, sizes, spacings] = [new Map<string, number>(), new Map<string, number>(), new Map<string, number>()];
  const ranges = new Map<string, [number, number]>();
  const odd: Record<ValueDoubt, string[]> = { impossible: [], airless: [] };
  const [constant, burntIn]: [string[], string[]] = [[], []];
  const unreadable: { id: string; reason: string }[] = [];
  const byDigest = new Map<string, string[]>();
  const hashes: { id: string; patient: string; hash: Uint32Array }[] = [];
  let [read, emptyMasks, next, at] = [0, 0, 0, 0];
  for await (const sample of dataset.samples()) {
    if (at++ < Math.floor(next)) continue;
    next += step;
    signal?.throwIfAborted();
    const found = await sample.load(signal).catch((error: unknown) => ({ reason: messageOf(error) }));
    read++;
    onProgress?.(read, total);
    if ('reason' in found) {
      unreadable.push({ id: sample.id, reason: withoutPrefix(found.reason, `${sample.id}: `) });
      continue;
    }
    const { source, mask } = found;
    const { shape } = source.pixels;
    const { low, high, doubt } = valueRange(source);
    bump(units, source.unit);
    bump(sizes, [...shape].reverse().join(' × '));
    bump(spacings, source.spacing ? source.spacing.map(s => String(Number(s.toFixed(3)))).join(' × ') : 'unknown');
    const [least, most] = ranges.get(source.unit) ?? [low, high];
    ranges.set(source.unit, [Math.min(least, low), Math.max(most, high)]);
    if (doubt) odd[doubt].push(sample.id);
    if (low === high) constant.push(sample.id);
    if (mask && !mask.data.some(v => v > 0)) emptyMasks++;
    if (shape.length === 2 && looksBurntIn(source)) burntIn.push(sample.id);
    getOr(byDigest, tensorDigest(source.pixels), () => []).push(sample.id);
    if (pixels && shape.length === 2) hashes.push({ ...idsOf(sample), hash: perceptualHash(source.pixels) });
  }
  return {
    read: read - unreadable.length,
    units: sorted(units, n => n),
    sizes: sorted(sizes, n => n),
    spacings: sorted(spacings, n => n),
    ranges: sorted(ranges, r => r),
    ...{ ...odd, constant, emptyMasks, burntIn, unreadable },
    duplicates: [...byDigest.values()].filter(ids => ids.length > 1),
    ...(pixels
      ? { nearDuplicates: nearPairs(hashes, new Set([...byDigest.values()].filter(i => i.length > 1).flat())) }
      : {}),
  };
}

/** Errors begin with the image that they are of, which is said already. */
function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

function idsOf({ id, patient }: Sample): { id: string; patient: string } {
  return { id, patient };
}

interface Tally {
  images: number;
  readonly who: Set<string>;
}

function tally(): Tally {
  return { images: 0, who: new Set() };
}

function add(held: Tally, patient: string): void {
  held.images++;
  held.who.add(patient);
}

function countOf({ images, who }: Tally): ImageCount {
  return { images, patients: who.size };
}

function bump(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function getOr<T>(map: Map<string, T>, key: string, make: () => T): T {
  const found = map.get(key) ?? make();
  map.set(key, found);
  return found;
}

function sorted<T, U>(map: ReadonlyMap<string, T>, of: (value: T) => U): Record<string, U> {
  return Object.fromEntries([...map].sort(([a], [b]) => (a < b ? -1 : 1)).map(([k, v]) => [k, of(v)]));
}
