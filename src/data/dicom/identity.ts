import { createHash, createHmac } from 'node:crypto';
import type { DicomIdentity } from './header.ts';
import { bare, secretWords } from './secret-words.ts';

/** Names that stand for patients and series, and paths without what gives a patient away. */
export interface Pseudonyms {
  patient(id: string): string;
  series(uid: string): string;
  site(institution: string): string;
  /** The path with folders and file names that hold a patient's name or number, a UID or a date replaced. */
  path(path: string): string;
  /** Free text of a file, such as a structure's name, without words that are a patient's name or number. */
  text(text: string): string;
}

/** What the files themselves say: for suites that ask for it. */
export const PLAIN: Pseudonyms = {
  patient: id => id,
  series: uid => uid,
  site: institution => institution,
  path: path => path,
  text: text => text,
};

/** A UID: at least five numbers with dots between them, or 2.25 and a UUID as a number; not one of DICOM's own terms. */
const UID = /(?<!\d)(?<!\d\.)(?!1\.2\.840\.10008\.)(?:\d+(?:\.\d+){4,}|2\.25\.\d{20,})/g;
const [YEAR, MONTH, DAY] = ['(?:19|20)\\d\\d', '(?:0?[1-9]|1[0-2])', '(?:0?[1-9]|[12]\\d|3[01])'];
const [MONTH2, DAY2] = ['(?:0[1-9]|1[0-2])', '(?:0[1-9]|[12]\\d|3[01])'];
/** Dates in the usual spellings, those of DICOM also with a time behind them: of birth, or of an examination. */
const DATE = new RegExp(
  [
    `(?<!\\d)(?:${YEAR}${MONTH2}${DAY2}(?:\\d{6})?|${DAY2}${MONTH2}${YEAR}|${MONTH2}${DAY2}${YEAR})(?!\\d)`,
    `(?<!\\d)(?:${YEAR}([-_. ])${MONTH}\\1${DAY}|${DAY}([-_. ])${MONTH}\\2${YEAR}|${MONTH}([-_. ])${DAY}\\3${YEAR})(?!\\d)`,
  ].join('|'),
  'g',
);

/**
 * Keyed hashes (HMAC-SHA256, 10 hex digits). Without a key of the suite's own, the key is made of all series' UIDs: the
 * same data gives the same names on every machine, and nobody without the data can try numbers until one fits.
 */
export function createPseudonyms(
  identities: readonly DicomIdentity[],
  seriesUids: readonly string[],
  key: string | undefined,
): Pseudonyms {
  const known = new Set(seriesUids);
  const secret =
    key ??
    createHash('sha256')
      .update([...known].sort().join('\n'))
      .digest('hex');
  const hash = (kind: string, text: string) =>
    createHmac('sha256', secret).update(`${kind}\n${text}`).digest('hex').slice(0, 10);
  const words = secretWords(identities);
  const patient = (id: string) => `patient-${hash('patient', id)}`;
  const series = (uid: string) => `series-${hash('series', uid)}`;
  const inPlace = (segment: string) =>
    segment
      .replaceAll(UID, uid => (known.has(uid) ? series(uid) : `uid-${hash('uid', uid)}`))
      .replaceAll(DATE, date => `date-${hash('date', date).slice(0, 6)}`);
  return {
    text: text =>
      text
        .split(/(\s+)/)
        .map(word =>
          words.isNumber(word)
            ? '…'
            : word.replaceAll(/\p{L}+|\p{N}+/gu, part => (words.find(part) === undefined ? part : '…')),
        )
        .join(''),
    patient,
    series,
    site: institution => `site-${hash('site', institution).slice(0, 6)}`,
    path(path) {
      const segments = path.split('/');
      return segments
        .map((segment, i) => {
          const found = words.find(segment);
          if (found === undefined) return inPlace(segment);
          // Files of one patient in one folder must stay apart, and folders of one patient.
          if (i === segments.length - 1) return `${patient(found)}-${hash('file', segment)}`;
          return bare(segment) === bare(found)
            ? patient(found)
            : `${patient(found)}-${hash('folder', segment).slice(0, 4)}`;
        })
        .join('/');
    },
  };
}
