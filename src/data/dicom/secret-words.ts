import type { DicomIdentity } from './header.ts';
import { nameParts, withoutAccents } from './person-names.ts';

/** Finds patients' names and numbers in the names of folders and files. */
export interface SecretWords {
  /** The number of the patient whose name or number a folder's or file's name holds, if any. */
  find(segment: string): string | undefined;
  /** Whether the segment is nothing but a patient's number. */
  isNumber(segment: string): boolean;
}

/** Numbers of so many letters and digits, and names of so many letters, are found within longer words. */
const LONG = 5;

/** Letters and digits alone: 'AB-00-17' and 'ab0017' are one number. */
export const bare = (text: string): string => withoutAccents(text).replaceAll(/[^\p{L}\p{N}]+/gu, '');

/**
 * Collects what must not be said. A number of five or more letters and digits is found anywhere, whatever stands
 * between its digits; a shorter one must be the whole name, or any digit would do. A name is found as a word of three
 * or more letters (of any length in scripts other than Latin), within a word from five letters on, and by all its parts
 * together, in any order, however short.
 */
export function secretWords(identities: readonly DicomIdentity[]): SecretWords {
  const whole = new Set<string>();
  const short = new Map<string, string>();
  const words = new Map<string, string>();
  const within = new Map<string, Map<string, string>>();
  const together = new Map<string, { parts: readonly string[]; patient: string }[]>();
  const addWithin = (text: string, patient: string) => {
    const first = text.slice(0, 2);
    const found = within.get(first) ?? new Map<string, string>();
    within.set(first, found.set(text, patient));
  };
  const each = new Map(identities.map(identity => [JSON.stringify(identity), identity]));
  for (const { patientId, numbers, names } of each.values()) {
    for (const number of [patientId, ...numbers].map(bare)) {
      if (number.length >= 2) whole.add(number);
      if (number.length >= LONG) addWithin(number, patientId);
      else if (number.length >= 2) short.set(number, patientId);
    }
    for (const parts of names) {
      for (const part of parts) {
        const latin = /^\p{Script=Latin}+$/u.test(part);
        if (part.length >= (latin ? 3 : 2)) words.set(part, patientId);
        if (part.length >= (latin ? LONG : 2)) addWithin(part, patientId);
      }
      if (parts.length < 2) continue;
      together.set(parts[0]!, [...(together.get(parts[0]!) ?? []), { parts, patient: patientId }]);
      for (const joined of [parts.slice(0, 2).join(''), parts.slice(0, 2).reverse().join('')]) {
        words.set(joined, patientId);
        if (joined.length >= LONG) addWithin(joined, patientId);
      }
    }
  }

  /** One of the texts, from five letters on, that begins at any place of this one. */
  function startingIn(text: string): string | undefined {
    for (let i = 0; i + 1 < text.length; i++) {
      for (const [secret, patient] of within.get(text.slice(i, i + 2)) ?? []) {
        if (text.startsWith(secret, i)) return patient;
      }
    }
    return undefined;
  }

  function find(segment: string): string | undefined {
    const number = short.get(bare(segment)) ?? short.get(bare(segment.replace(/\.\w+$/, '')));
    if (number !== undefined) return number;
    const found = nameParts(segment);
    for (const word of found) {
      const patient = words.get(word);
      if (patient !== undefined) return patient;
      for (const { parts, patient: named } of together.get(word) ?? []) {
        if (parts.every(part => found.includes(part))) return named;
      }
    }
    return startingIn(bare(segment));
  }

  const seen = new Map<string, string | undefined>();
  return {
    find(segment) {
      if (!seen.has(segment)) seen.set(segment, find(segment));
      return seen.get(segment);
    },
    isNumber: segment => whole.has(bare(segment)),
  };
}
