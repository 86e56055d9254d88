/**
 * Decodes one RLE Lossless frame (DICOM PS3.5, annex G): for each sample a segment for each byte, most significant
 * first.
 * @param length Bytes of a frame's pixels; `bytesPerSample` of them belong together, little end first in the result.
 * @throws Error if segments are missing or end early.
 */
export function decodeRle(frame: Uint8Array, length: number, bytesPerSample: number): Uint8Array {
  if (frame.length < 64) throw new Error('its RLE header is cut off');
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const segments = view.getUint32(0, true);
  if (segments !== bytesPerSample) throw new Error(`it has ${segments} RLE segments; ${bytesPerSample} are needed`);
  const out = new Uint8Array(length);
  const pixels = length / bytesPerSample;
  for (let s = 0; s < segments; s++) {
    const start = view.getUint32(4 + 4 * s, true);
    const end = s + 1 < segments ? view.getUint32(8 + 4 * s, true) : frame.length;
    if (start < 64 || end < start || end > frame.length) throw new Error('its RLE segments overlap or are cut off');
    unpack(frame.subarray(start, end), out, bytesPerSample - 1 - s, bytesPerSample, pixels);
  }
  return out;
}

/** PackBits: n < 128 copies n + 1 bytes, n > 128 repeats one byte 257 − n times. */
function unpack(from: Uint8Array, to: Uint8Array, first: number, step: number, count: number): void {
  let [at, written] = [0, 0];
  while (written < count) {
    if (at >= from.length) throw new Error(`an RLE segment ends after ${written} of ${count} pixels`);
    const n = from[at++]!;
    if (n === 128) continue;
    const run = n < 128 ? n + 1 : 257 - n;
    if (n < 128 && at + run > from.length + 1) throw new Error('an RLE segment is cut off');
    for (let k = 0; k < run && written < count; k++, written++) {
      to[first + written * step] = from[n < 128 ? at + k : at]!;
    }
    at += n < 128 ? run : 1;
  }
}
