/** Bytes `at` … `at + length` of a file; fewer at its end. */
export type ByteReader = (at: number, length: number) => Uint8Array;

/**
 * The files that an .onnx file names for weights kept beside it (TensorProto.external_data, `location`), in ascending
 * order, without repetition. Only the skeleton of the file is read: the weights that it holds itself are skipped. Of a
 * file that is no sound protobuf, the names found up to where it breaks.
 */
export function externalLocations(read: ByteReader, size: number): string[] {
  const found = new Set<string>();
  try {
    walk({ read, from: 0, end: size }, MODEL, found);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return [...found].sort();
}

/** The fields of a message that lead to tensors, by their numbers in onnx.proto. */
interface Message {
  readonly [field: number]: () => Message;
}

const ENTRY: Message = {};
const TENSOR: Message = { 13: () => ENTRY };
const SPARSE: Message = { 1: () => TENSOR, 2: () => TENSOR };
const ATTRIBUTE: Message = {
  5: () => TENSOR,
  6: () => GRAPH,
  10: () => TENSOR,
  11: () => GRAPH,
  22: () => SPARSE,
  23: () => SPARSE,
};
const NODE: Message = { 5: () => ATTRIBUTE };
const GRAPH: Message = { 1: () => NODE, 5: () => TENSOR, 15: () => SPARSE };
const FUNCTION: Message = { 7: () => NODE, 11: () => ATTRIBUTE };
const MODEL: Message = { 7: () => GRAPH, 25: () => FUNCTION };

interface Part {
  readonly read: ByteReader;
  readonly from: number;
  readonly end: number;
}

function walk(part: Part, message: Message, found: Set<string>): void {
  if (message === ENTRY) {
    const { key, value } = entry(part);
    if (key === 'location') found.add(value);
    return;
  }
  for (const { field, from, end } of fields(part)) {
    const inner = message[field]?.();
    if (inner) walk({ read: part.read, from, end }, inner, found);
  }
}

/** A StringStringEntryProto. */
function entry(part: Part): { key: string; value: string } {
  const texts: Record<number, string> = {};
  for (const { field, from, end } of fields(part)) {
    texts[field] = new TextDecoder().decode(part.read(from, end - from));
  }
  return { key: texts[1] ?? '', value: texts[2] ?? '' };
}

/** The length-delimited fields of a message; others are passed over. */
function* fields({ read, from, end }: Part): Generator<{ field: number; from: number; end: number }> {
  for (let at = from; at < end; ) {
    const tag = varint(read, at);
    at = tag.next;
    const wire = tag.value % 8;
    if (wire === 2) {
      const length = varint(read, at);
      const stop = length.next + length.value;
      if (stop > end) throw new RangeError('a field reaches beyond its message');
      yield { field: Math.floor(tag.value / 8), from: length.next, end: stop };
      at = stop;
    } else if (wire === 0) {
      at = varint(read, at).next;
    } else if (wire === 1 || wire === 5) {
      at += wire === 1 ? 8 : 4;
    } else {
      throw new RangeError(`wire type ${wire}`);
    }
  }
}

function varint(read: ByteReader, at: number): { value: number; next: number } {
  const bytes = read(at, 10);
  let value = 0;
  for (const [i, byte] of bytes.entries()) {
    value += (byte & 127) * 2 ** (7 * i);
    if (byte < 128) return { value, next: at + i + 1 };
  }
  throw new RangeError('a number does not end');
}
