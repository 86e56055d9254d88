import type { DataSet } from 'dicom-parser';
import { texts } from './dataset.ts';

/** What DICOM's Specific Character Set calls the encodings that TextDecoder knows by other names. */
const ENCODINGS: readonly (readonly [RegExp, string])[] = [
  [/IR 192$/, 'utf-8'],
  [/^(GB18030|GBK)$/, 'gb18030'],
  [/IR (87|159)$/, 'iso-2022-jp'],
  [/IR 13$/, 'shift_jis'],
  [/IR 149$/, 'euc-kr'],
  [/IR 58$/, 'gb18030'],
  [/IR 101$/, 'iso-8859-2'],
  [/IR 109$/, 'iso-8859-3'],
  [/IR 110$/, 'iso-8859-4'],
  [/IR 144$/, 'iso-8859-5'],
  [/IR 127$/, 'iso-8859-6'],
  [/IR 126$/, 'iso-8859-7'],
  [/IR 138$/, 'iso-8859-8'],
  [/IR 148$/, 'windows-1254'],
  [/IR 203$/, 'iso-8859-15'],
  [/IR 166$/, 'windows-874'],
];

/**
 * The spellings of a person's name in an element, each as its parts: Latin, ideographic and phonetic ones, read as
 * UTF-8, as Latin-1 and as whatever encoding the file names, since many files name none or a wrong one.
 */
export function nameSpellings(set: DataSet, tag: string): string[][] {
  const element = set.elements[tag];
  if (!element || element.length === 0) return [];
  const bytes = set.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
  const declared = texts(set, 'x00080005').flatMap(term => ENCODINGS.find(([form]) => form.test(term))?.[1] ?? []);
  const found = new Map<string, string[]>();
  for (const encoding of new Set(['utf-8', 'latin1', ...declared])) {
    // Escape sequences switch between sets; only the Japanese decoder reads them itself.
    const plain = encoding === 'iso-2022-jp' ? bytes : withoutEscapes(bytes);
    for (const spelling of decoded(plain, encoding).split('=')) {
      const parts = nameParts(spelling);
      if (parts.length > 0) found.set(parts.join('^'), parts);
    }
  }
  return [...found.values()];
}

/** Letters of a text for comparison: without accents, in lower case, in runs of letters. */
export function nameParts(text: string): string[] {
  return withoutAccents(text)
    .split(/[^\p{L}]+/u)
    .filter(part => part !== '');
}

/** 'Müller' → 'muller'. */
export function withoutAccents(text: string): string {
  return text.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
}

function decoded(bytes: Uint8Array, encoding: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return '';
  }
}

const ESCAPE = new RegExp(`${String.fromCharCode(0x1b)}[ -/]*[0-~]`, 'g');

function withoutEscapes(bytes: Uint8Array): Uint8Array {
  if (!bytes.includes(0x1b)) return bytes;
  return Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll(ESCAPE, ''), 'latin1');
}
