import { inflateRawSync } from 'node:zlib';

const [END, ENTRY, STORED, DEFLATED] = [0x06054b50, 0x02014b50, 0, 8];
const END_BYTES = 22;

/**
 * The files of a ZIP archive by name, unpacked when they are asked for (PKWARE APPNOTE 4.3; no ZIP64, no encryption).
 * @throws RangeError or Error where the archive is damaged or cut short
 */
export function unzip(bytes: Buffer): ReadonlyMap<string, () => Buffer> {
  // The end record is the last, but for a comment of at most 64 kB.
  let end = bytes.length - END_BYTES;
  while (end >= 0 && bytes.readUInt32LE(end) !== END) end--;
  if (end < 0) throw new Error('the end of the archive is missing');
  const files = new Map<string, () => Buffer>();
  let at = bytes.readUInt32LE(end + 16);
  for (let left = bytes.readUInt16LE(end + 10); left > 0; left--) {
    if (bytes.readUInt32LE(at) !== ENTRY) throw new Error('its list of files is damaged');
    const [method, packed, size] = [
      bytes.readUInt16LE(at + 10),
      bytes.readUInt32LE(at + 20),
      bytes.readUInt32LE(at + 24),
    ];
    const [name, extra, comment] = [28, 30, 32].map(offset => bytes.readUInt16LE(at + offset)) as [
      number,
      number,
      number,
    ];
    const header = bytes.readUInt32LE(at + 42);
    files.set(bytes.toString('utf8', at + 46, at + 46 + name), () => {
      const from = header + 30 + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28);
      const body = bytes.subarray(from, from + packed);
      if (method !== STORED && method !== DEFLATED) throw new Error(`it is packed by method ${method}`);
      const whole = method === STORED ? body : inflateRawSync(body, { maxOutputLength: Math.max(1, size) });
      if (whole.length !== size) throw new Error('a file of it is cut short');
      return whole;
    });
    at += 46 + name + extra + comment;
  }
  return files;
}
