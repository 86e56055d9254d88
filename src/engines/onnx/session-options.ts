import type { InferenceSession } from 'onnxruntime-node';
import type { SessionSettings } from './messages.ts';

/** ONNX Runtime's options for a session of ours. */
export function sessionOptions(settings: SessionSettings): InferenceSession.SessionOptions {
  const { executionProviders, threads } = settings;
  const onCpu = executionProviders.every(name => name === 'cpu');
  return {
    executionProviders: [...executionProviders],
    graphOptimizationLevel: 'all',
    executionMode: 'sequential',
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
    extra: {
      session: {
        // Gradients of saturated units are full of denormals, which the CPU computes many times slower.
        set_denormal_as_zero: '1',
        // The device asked for is the device used.
        ...(onCpu ? {} : { disable_cpu_ep_fallback: '1' }),
      },
    },
  };
}
