import { createRequire } from 'node:module';

/** The part of jpeg-lossless-decoder-js that is used here; the package brings no types. */
interface LosslessModule {
  readonly Decoder: new () => {
    decode(buffer: ArrayBuffer): Uint8Array | Uint16Array;
    readonly xDim: number;
    readonly yDim: number;
    readonly numComp: number;
  };
}

const load = createRequire(import.meta.url);

/**
 * Decodes a JPEG Lossless frame (processes 14 and 14 SV1).
 * @returns pixels of 8 or 16 bits, little end first.
 * @throws Error if the frame is damaged.
 */
export function decodeLossless(frame: Uint8Array) {
  const { Decoder } = load('jpeg-lossless-decoder-js') as LosslessModule;
  const decoder = new Decoder();
  // The decoder reads an ArrayBuffer of its own.
  const out = decoder.decode(new Uint8Array(frame).buffer);
  return {
    pixels: new Uint8Array(out.buffer, out.byteOffset, out.byteLength),
    info: { width: decoder.xDim, height: decoder.yDim, componentCount: decoder.numComp },
  };
}
