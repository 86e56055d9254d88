import { closeSync, readSync } from 'node:fs';
import { type ByteReader, externalLocations } from '../core/onnx-external.ts';
import { openRegularSync } from './regular.ts';

/** What an .onnx file calls the files beside it that hold its weights, whether they are there or not. */
export function externalWeights(file: string): string[] {
  const { descriptor, size } = openRegularSync(file);
  try {
    return externalLocations(inBlocks(descriptor), size);
  } finally {
    closeSync(descriptor);
  }
}

/** Bytes read and kept in blocks: the parts that are asked for lie close together. */
function inBlocks(handle: number): ByteReader {
  const block = new Uint8Array(2 ** 16);
  let [start, held] = [0, 0];
  return (at, length) => {
    if (length > block.length) {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, readSync(handle, bytes, 0, length, at));
    }
    if (at < start || at + length > start + held) {
      held = readSync(handle, block, 0, block.length, at);
      start = at;
    }
    return block.subarray(at - start, at - start + length);
  };
}
