import { createRequire } from 'node:module';

/** What the WebAssembly decoders of JPEG-LS and JPEG 2000 have in common. */
interface WasmDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  getDecodedBuffer(): Uint8Array;
  getFrameInfo(): FrameInfo;
  decode(): void;
  delete(): void;
}

export interface FrameInfo {
  readonly width: number;
  readonly height: number;
  readonly bitsPerSample: number;
  readonly componentCount: number;
  readonly isSigned?: boolean;
}

interface WasmModule {
  readonly JpegLSDecoder?: new () => WasmDecoder;
  readonly J2KDecoder?: new () => WasmDecoder;
  getExceptionMessage?(pointer: number): string;
}

type Kind = 'jpeg-ls' | 'jpeg-2000';

const load = createRequire(import.meta.url);
const PACKAGES: Readonly<Record<Kind, string>> = {
  'jpeg-ls': '@cornerstonejs/codec-charls/decodewasmjs',
  'jpeg-2000': '@cornerstonejs/codec-openjpeg/decodewasmjs',
};

/** Opens instances of the codecs and keeps them; one that met a damaged frame may be in any state and is thrown away. */
export function createWasmDecoders() {
  const open = new Map<Kind, Promise<WasmModule>>();
  const moduleOf = (kind: Kind): Promise<WasmModule> => {
    const found = open.get(kind) ?? instantiate(kind);
    open.set(kind, found);
    return found;
  };

  /**
   * Decodes one frame.
   * @returns pixels as the codec gives them, 8 or 16 bits, little end first.
   * @throws Error if the frame is damaged.
   */
  async function decode(kind: Kind, frame: Uint8Array): Promise<{ pixels: Uint8Array; info: FrameInfo }> {
    const module = await moduleOf(kind);
    const Decoder = kind === 'jpeg-ls' ? module.JpegLSDecoder! : module.J2KDecoder!;
    try {
      const decoder = new Decoder();
      decoder.getEncodedBuffer(frame.length).set(frame);
      decoder.decode();
      const info = { ...decoder.getFrameInfo() };
      const pixels = decoder.getDecodedBuffer().slice();
      decoder.delete();
      return { pixels, info };
    } catch (cause) {
      open.delete(kind);
      const message = typeof cause === 'number' ? module.getExceptionMessage?.(cause) : undefined;
      throw new Error(message ? `the codec says: ${message}` : 'the codec refused it', { cause });
    }
  }
  return { decode };
}

async function instantiate(kind: Kind): Promise<WasmModule> {
  const factory = load(PACKAGES[kind]) as (options: object) => Promise<WasmModule>;
  const silent = () => {};
  return factory({ print: silent, printErr: silent });
}
