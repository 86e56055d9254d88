/** A value of an element: text, numbers, bytes, or the items of a sequence. */
export type ElementValue = string | number | readonly number[] | Uint8Array | readonly ElementList[];

/** An element: its tag as eight hex digits, its VR and its value. */
export type ElementToWrite = readonly [tag: string, vr: string, value: ElementValue];
export type ElementList = readonly ElementToWrite[];

/** VRs whose length takes four bytes. */
const LONG = ['OB', 'OD', 'OF', 'OL', 'OW', 'SQ', 'UC', 'UN', 'UR', 'UT'];
const NUMBERS: Readonly<
  Record<string, readonly [bytes: number, put: (view: DataView, at: number, v: number) => void]>
> = {
  US: [2, (view, at, v) => view.setUint16(at, v, true)],
  UL: [4, (view, at, v) => view.setUint32(at, v, true)],
  FD: [8, (view, at, v) => view.setFloat64(at, v, true)],
};

/** Elements in explicit VR little endian, in the order of their tags. */
export function writeElements(elements: ElementList): Uint8Array {
  const sorted = [...elements].sort(([a], [b]) => (a < b ? -1 : 1));
  return joined(sorted.map(writeElement));
}

function writeElement([tag, vr, value]: ElementToWrite): Uint8Array {
  const body = even(bytesOf(tag, vr, value), ['UI', 'OB', 'UN'].includes(vr) ? 0 : 32);
  const long = LONG.includes(vr);
  if (!long && body.length > 0xfffe) throw new Error(`the value of ${tag} is too long for its VR ${vr}`);
  const head = new DataView(new ArrayBuffer(long ? 12 : 8));
  head.setUint16(0, Number.parseInt(tag.slice(0, 4), 16), true);
  head.setUint16(2, Number.parseInt(tag.slice(4), 16), true);
  head.setUint8(4, vr.charCodeAt(0));
  head.setUint8(5, vr.charCodeAt(1));
  if (long) head.setUint32(8, body.length, true);
  else head.setUint16(6, body.length, true);
  return joined([new Uint8Array(head.buffer), body]);
}

function bytesOf(tag: string, vr: string, value: ElementValue): Uint8Array {
  if (vr === 'SQ') return joined((value as readonly ElementList[]).map(writeItem));
  if (vr === 'AT') {
    const [group, element] = [(value as string).slice(0, 4), (value as string).slice(4)];
    return new Uint8Array(Uint16Array.of(Number.parseInt(group, 16), Number.parseInt(element, 16)).buffer);
  }
  const numbers = NUMBERS[vr];
  if (numbers) {
    const values = [value].flat() as number[];
    const view = new DataView(new ArrayBuffer(values.length * numbers[0]));
    values.forEach((v, i) => {
      numbers[1](view, i * numbers[0], v);
    });
    return new Uint8Array(view.buffer);
  }
  if (value instanceof Uint8Array) return value;
  if (typeof value === 'string') return new TextEncoder().encode(value);
  if (vr === 'DS') return new TextEncoder().encode(([value].flat() as number[]).map(decimalText).join('\\'));
  throw new Error(`the value of ${tag} does not fit its VR ${vr}`);
}

function writeItem(item: ElementList): Uint8Array {
  const body = writeElements(item);
  const head = new DataView(new ArrayBuffer(8));
  head.setUint16(0, 0xfffe, true);
  head.setUint16(2, 0xe000, true);
  head.setUint32(4, body.length, true);
  return joined([new Uint8Array(head.buffer), body]);
}

/** The closest number that 16 characters (DS) can say. */
export function decimalText(value: number): string {
  for (let digits = 17; digits > 0; digits--) {
    const short = [String(Number(value.toPrecision(digits))), value.toExponential(digits - 1)].find(
      t => t.length <= 16,
    );
    if (short !== undefined) return short;
  }
  throw new Error(`${value} can't be written as a decimal string`);
}

function even(bytes: Uint8Array, pad: number): Uint8Array {
  return bytes.length % 2 === 0 ? bytes : joined([bytes, Uint8Array.of(pad)]);
}

export function joined(parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
