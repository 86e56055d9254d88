import type { ErrorCode } from '../../core/errors.ts';

/** What the main thread and the workers say to each other. */

/** An execution provider of ONNX Runtime with its options. */
export interface Provider {
  readonly name: string;
  /** CUDA: which GPU. */
  readonly deviceId?: number;
  /** WebGPU: nodes that the CPU is to run. */
  readonly forceCpuNodeNames?: readonly string[];
}

/** Session options as they cross threads: ONNX Runtime's own, without what can't be copied. */
export interface SessionSettings {
  readonly executionProviders: readonly (string | Provider)[];
  readonly threads: number;
  /** Record what each run does on the device. */
  readonly profile?: boolean;
  /** Whether ONNX Runtime may rewrite the graph to make it faster. Default: true. */
  readonly optimise?: boolean;
}

export interface Feed {
  readonly name: string;
  readonly dims: readonly number[];
  readonly data: Float32Array;
}

export type Request =
  | {
      readonly type: 'open';
      readonly id: number;
      readonly session: string;
      readonly bytes: Uint8Array;
      /** The model's file, to be opened instead of the bytes. */
      readonly file?: string;
      readonly settings: SessionSettings;
    }
  | {
      readonly type: 'run';
      readonly id: number;
      readonly session: string;
      readonly feeds: readonly Feed[];
      /** Whom the time on the device belongs to, in a session with a profile. */
      readonly label?: string;
      /** The outputs that are wanted. Default: all. */
      readonly only?: readonly string[];
    }
  /** Releases a session with a profile, and tells what its runs did. */
  | { readonly type: 'profile'; readonly id: number; readonly session: string }
  /** Releases all sessions with a profile, and tells the time on the device of each label. */
  | { readonly type: 'times'; readonly id: number }
  | { readonly type: 'drop'; readonly id: number; readonly session: string }
  | { readonly type: 'close'; readonly id: number };

export interface RunResult {
  /** By output name. */
  readonly outputs: Readonly<Record<string, Float32Array>>;
  /** The feeds' buffers, to be filled again. */
  readonly returned: readonly Float32Array[];
  /** What was asked for besides numbers. */
  readonly facts?: unknown;
}

export type Reply =
  | { readonly id: number; readonly ok: true; readonly result?: RunResult }
  /** `code`: where it is not just that the engine failed. */
  | { readonly id: number; readonly ok: false; readonly message: string; readonly code?: ErrorCode };
