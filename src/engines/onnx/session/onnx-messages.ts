import type { ChangedScores, KeptNetworkPlan } from '../changes/kept-network.ts';
import type { DeviceRun, Profile } from './profile.ts';
import type { SessionSource } from './session-options.ts';

/** What the main thread and the workers of ONNX Runtime say to each other. */

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

export interface RunResult {
  /** By output name. */
  readonly outputs: Readonly<Record<string, Float32Array>>;
  /** The feeds' buffers, to be filled again. */
  readonly returned: readonly Float32Array[];
}

export interface OnnxProtocol {
  /** Opens a session under a name. */
  open(asked: { readonly session: string; readonly model: SessionSource; readonly settings: SessionSettings }): void;
  run(asked: {
    readonly session: string;
    readonly feeds: readonly Feed[];
    /** Whom the time on the device belongs to, in a session with a profile. */
    readonly label?: string | undefined;
    /** The outputs that are wanted. Default: all. */
    readonly only?: readonly string[] | undefined;
  }): RunResult;
  /** Keeps a cut network under a name; its sessions are open. */
  keep(asked: { readonly name: string; readonly plan: KeptNetworkPlan }): void;
  /** Scores of images that differ little from the base image, or each from the one before; one after the other. */
  changed(asked: { readonly name: string; readonly base: Float32Array; readonly images: Float32Array }): ChangedScores;
  /** Forgets a cut network. */
  forget(asked: { readonly name: string }): void;
  /** Releases a session with a profile, and tells what its runs did. */
  profile(asked: { readonly session: string }): Profile;
  /** Releases all sessions with a profile, and tells the time on the device of each label. */
  times(asked: undefined): readonly (readonly [string, DeviceRun])[];
  drop(asked: { readonly session: string }): void;
}
