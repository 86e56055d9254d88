import { createHash } from 'node:crypto';

const LONGEST = 60;

/** `text` as a part of a file name: letters, digits, dots, dashes and underscores; at most 60 characters. */
function slug(text: string): string {
  const plain = text
    .normalize('NFKD')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/^[-.]+|[-.]+$/g, '');
  return plain.slice(-LONGEST).replace(/^[-.]+/, '');
}

function digits(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** The file name of a sample, without ending: a slug of its id (the end of it, where it is long) and 8 hex digits. */
export function sampleFileName(id: string): string {
  const name = slug(id.replace(/\.[A-Za-z0-9]{1,5}$/, ''));
  return name === '' ? digits(id) : `${name}-${digits(id)}`;
}

/** The folder or file name of a model, method, metric or baseline: its id where that is safe, else as for samples. */
export function partFileName(id: string): string {
  return /^[a-z0-9][a-z0-9._-]*$/.test(id) && id.length <= LONGEST ? id : `${slug(id) || 'x'}-${digits(id)}`;
}
