import { deflateSync } from 'node:zlib';

/**
 * Whole numbers as text that the page unpacks: differences from one value to the next, deflated, in base64. Smooth
 * pictures become small.
 */
export function packed(values: Int16Array | Int8Array | Uint8Array): string {
  const differences = values.slice();
  for (let i = values.length - 1; i > 0; i--) differences[i] = values[i]! - values[i - 1]!;
  const bytes = new Uint8Array(differences.buffer, differences.byteOffset, differences.byteLength);
  return Buffer.from(deflateSync(bytes, { level: 9 })).toString('base64');
}
