import { availableParallelism } from 'node:os';
import { InferenceSession } from 'onnxruntime-node';
import type { ModelByReference } from '../graph/by-reference.ts';
import type { SessionSettings } from './onnx-messages.ts';

/** A model as ONNX Runtime takes it: its bytes, its file, or a graph and the folder of its weights. */
export type SessionSource = Uint8Array | string | ModelByReference;

/** Sessions that only measure, one at a time: on the CPU, each node as it stands. */
export const measuringSettings = (): SessionSettings => ({
  executionProviders: ['cpu'],
  threads: Math.min(4, availableParallelism()),
  optimise: false,
});

/** Opens a session in this thread. */
export function createSession(
  source: SessionSource,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  if (typeof source === 'string') return InferenceSession.create(source, options);
  if (source instanceof Uint8Array) return InferenceSession.create(source, options);
  const { session = {}, ...extra } = (options.extra ?? {}) as { session?: Record<string, string> };
  const own = { ...session, model_external_initializers_file_folder_path: source.folder };
  return InferenceSession.create(source.bytes, { ...options, extra: { ...extra, session: own } });
}

/**
 * ONNX Runtime's options for a session of ours.
 * @param profilePrefix where the file of its profile is to be, without what ONNX Runtime adds to its name
 */
export function sessionOptions(settings: SessionSettings, profilePrefix?: string): InferenceSession.SessionOptions {
  const { executionProviders, threads, optimise = true } = settings;
  return {
    executionProviders: executionProviders.map(provider => (typeof provider === 'string' ? provider : { ...provider })),
    graphOptimizationLevel: optimise ? 'all' : 'disabled',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    ...(profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: profilePrefix }),
    extra: {
      // It moves a zero Pad into MaxPool, which pads with −∞: other scores wherever a window has negative values only.
      optimization: { disable_specified_optimizers: 'Pad_Fusion' },
      // Gradients of saturated units are full of denormals, which the CPU computes many times slower.
      // Products with 4-bit weights are computed in floats: by default it rounds what they are multiplied with to 8 bits.
      session: { set_denormal_as_zero: '1', qdq_matmulnbits_accuracy_level: '1' },
    },
  };
}
