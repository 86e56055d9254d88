import { CtXaiError } from '../core/errors.ts';
import { readRegular } from '../files/regular.ts';
import { ioError, isMissing } from './files.ts';
import type { Manifest, TimingRow } from './rows.ts';

/** `timings.json`: timings alone, as `ct-xai time` writes them and `--compare` reads them. */
export interface TimingsFile {
  readonly kind: 'ct-xai-bench timings';
  readonly formatVersion: number;
  readonly command: string;
  readonly startedAt: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly hardware: Manifest['hardware'];
  readonly seed: string;
  /** Of the images timed, in their order. */
  readonly data: { readonly name: string; readonly digest: string };
  readonly settings: { readonly samples: number; readonly repeats: number; readonly seconds: number };
  readonly models: readonly { readonly id: string; readonly digest: string }[];
  readonly methods: readonly { readonly id: string; readonly name: string; readonly options: unknown }[];
  readonly rows: readonly TimingRow[];
}

export const TIMINGS_VERSION = 1;

/** @throws CtXaiError USAGE if the file is missing, is no `timings.json`, or is of a newer format. */
export async function readTimingsFile(path: string): Promise<TimingsFile> {
  let text: string;
  try {
    text = (await readRegular(path)).toString('utf8');
  } catch (error) {
    if (isMissing(error)) throw new CtXaiError('USAGE', `there is no file ${path}.`);
    throw ioError(error, `reading ${path}`);
  }
  let found: Partial<TimingsFile> | null;
  try {
    found = JSON.parse(text) as Partial<TimingsFile> | null;
  } catch (cause) {
    throw new CtXaiError('USAGE', `${path} is not JSON.`, { cause });
  }
  if (found?.kind !== 'ct-xai-bench timings' || !Array.isArray(found.rows)) {
    throw new CtXaiError('USAGE', `${path} holds no timings.`, {
      hint: "Name a timings.json that 'ct-xai time … --out DIR' wrote.",
    });
  }
  if ((found.formatVersion ?? 0) > TIMINGS_VERSION) {
    throw new CtXaiError('USAGE', `${path} was written by a newer ct-xai-bench (format ${found.formatVersion}).`);
  }
  return found as TimingsFile;
}

/** Why times of two files say nothing of each other, or undefined where they do. */
export function incomparable(before: TimingsFile, after: TimingsFile): string | undefined {
  const [a, b] = [before.hardware, after.hardware];
  const machine = ({ cpu, cores, memoryGb, os }: Manifest['hardware']) =>
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${os.split(' ')[0]} ${os.split(' ').at(-1)}`;
  if (machine(a) !== machine(b)) return `it is of another machine: ${machine(a)}; this one is ${machine(b)}`;
  if (before.data.digest !== after.data.digest) return `it is of other images: ${before.data.name}`;
  if (before.seed !== after.seed) return `it is of another seed: ${before.seed}`;
  return undefined;
}
