/** TIFF's tag 339: 1 unsigned, 2 signed, 3 floating point. */
const SAMPLE_FORMAT = 339;

/**
 * A copy of a TIFF file in which whole numbers with a sign are declared to have none, so that libraries that cut off
 * what is below 0 hand their bits over as they are. Only the first page.
 * @throws RangeError if the directory reaches beyond the file.
 */
export function declareUnsigned(file: Uint8Array): Uint8Array {
  const out = file.slice();
  const view = new DataView(out.buffer);
  const little = out[0] === 0x49;
  if (view.getUint16(2, little) !== 42) throw new RangeError('BigTIFF files with signed pixels are not read');
  const directory = view.getUint32(4, little);
  const entries = view.getUint16(directory, little);
  for (let i = 0; i < entries; i++) {
    const at = directory + 2 + 12 * i;
    if (view.getUint16(at, little) === SAMPLE_FORMAT && view.getUint16(at + 8, little) === 2) {
      view.setUint16(at + 8, 1, little);
    }
  }
  return out;
}
