import { createHash } from 'node:crypto';

/** SHA-256 (hex) of a value's JSON with the keys of objects in code-unit order, so that their order does not matter. */
export function jsonDigest(value: unknown): string {
  const sorted = JSON.stringify(value, (_, v: unknown) =>
    v !== null && typeof v === 'object' && !Array.isArray(v)
      ? Object.fromEntries(Object.entries(v).sort(([a], [b]) => (a < b ? -1 : 1)))
      : v,
  );
  return createHash('sha256').update(sorted).digest('hex');
}
