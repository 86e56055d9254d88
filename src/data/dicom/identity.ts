import { createHash, createHmac } from 'node:crypto';
import type { DicomIdentity } from './header.ts';

/** Names that stand for patients and series, and paths without what gives a patient away. */
export interface Pseudonyms {
  patient(id: string): string;
  series(uid: string): string;
  site(institution: string): string;
  /** The path with folders and file names that hold a patient's name or number replaced. */
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

/**
 * Keyed hashes (HMAC-SHA256, 10 hex digits). Without a key of the suite's own, the key is made of all series' UIDs: the
 * same data gives the same names on every machine, and nobody without the data can try numbers until one fits.
 */
export function createPseudonyms(
  identities: readonly DicomIdentity[],
  seriesUids: readonly string[],
  key: string | undefined,
): Pseudonyms {
  const secret =
    key ??
    createHash('sha256')
      .update([...new Set(seriesUids)].sort().join('\n'))
      .digest('hex');
  const hash = (kind: string, text: string) =>
    createHmac('sha256', secret).update(`${kind}\n${text}`).digest('hex').slice(0, 10);
  const numbers = new Map<string, string>();
  const names = new Map<string, string>();
  for (const { patientId, names: parts } of identities) {
    const name = `patient-${hash('patient', patientId)}`;
    if (patientId.length >= 2) numbers.set(patientId.toLowerCase(), name);
    for (const part of parts) names.set(part.toLowerCase(), name);
  }
  /** Short numbers must be a whole name, or any digit would do. */
  const standIn = (segment: string): string | undefined => {
    const plain = segment.toLowerCase();
    for (const [id, name] of numbers) {
      if (id.length >= 5 ? plain.includes(id) : plain === id || plain.replace(/\.\w+$/, '') === id) return name;
    }
    const words = plain.split(/[^\p{L}]+/u);
    for (const [part, name] of names) if (words.includes(part)) return name;
    return undefined;
  };
  /** Words are what stands between spaces, and the letters or digits that they are made of. */
  const isSecret = (word: string) => names.has(word.toLowerCase()) || numbers.has(word.toLowerCase());
  return {
    text: text =>
      text
        .split(/(\s+)/)
        .map(word => (isSecret(word) ? '…' : word.replace(/\p{L}+|\p{N}+/gu, part => (isSecret(part) ? '…' : part))))
        .join(''),
    patient: id => `patient-${hash('patient', id)}`,
    series: uid => `series-${hash('series', uid)}`,
    site: institution => `site-${hash('site', institution).slice(0, 6)}`,
    path(path) {
      const segments = path.split('/');
      return segments
        .map((segment, i) => {
          const name = standIn(segment);
          if (name === undefined) return segment;
          // Files of one patient in one folder must stay apart.
          return i === segments.length - 1 ? `${name}-${hash('file', segment)}` : name;
        })
        .join('/');
    },
  };
}
