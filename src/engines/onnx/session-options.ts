import type { InferenceSession } from 'onnxruntime-node';
import type { SessionSettings } from './messages.ts';

/** ONNX Runtime's options for a session of ours. */
export function sessionOptions(settings: SessionSettings): InferenceSession.SessionOptions {
  const { executionProviders, threads, optimise = true } = settings;
  const onCpu = executionProviders.every(name => name === 'cpu');
  return {
    executionProviders: [...executionProviders],
    graphOptimizationLevel: optimise ? 'all' : 'disabled',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    extra: {
      // It moves a zero Pad into MaxPool, which pads with −∞: other scores wherever a window has negative values only.
      optimization: { disable_specified_optimizers: 'Pad_Fusion' },
      session: {
        // Gradients of saturated units are full of denormals, which the CPU computes many times slower.
        set_denormal_as_zero: '1',
        // The device asked for is the device used.
        ...(onCpu ? {} : { disable_cpu_ep_fallback: '1' }),
      },
    },
  };
}
