import { CtXaiError, messageOf } from '../../../../core/errors.ts';
import type { GpuDevice } from './types.ts';

const SCOPES = ['validation', 'out-of-memory', 'internal'] as const;

/** Runs work on the device and throws what goes wrong there, which TF.js takes no notice of. */
export type Watch = <T>(work: () => Promise<T>) => Promise<T>;

export interface Guard {
  readonly watch: Watch;
  /**
   * When nothing waits for the device any more, also of what was given up. Before that its thread must not end: Dawn
   * ends the whole process over a question that is still open.
   */
  idle(): Promise<void>;
}

/**
 * A device does not throw: a shader that does not compile, a buffer that it has no room for, or its loss leave results
 * of zeros. After any of these the device is not to be trusted with anything else: the buffers that failed are in
 * TF.js's pool, and the shader in its cache. One piece of work at a time.
 */
export function watchDevice(device: GpuDevice): Guard {
  let broken: CtXaiError | undefined;
  // What was asked of a lost device may never be answered.
  let abandon: ((error: CtXaiError) => void) | undefined;
  let last: Promise<unknown> = Promise.resolve();
  void device.lost.then(({ reason, message }) => {
    broken ??= new CtXaiError('ENGINE', `the GPU was lost (${reason}): ${message.trim()}`);
    abandon?.(broken);
  });

  async function guarded<T>(work: () => Promise<T>): Promise<T> {
    for (const scope of SCOPES) device.pushErrorScope(scope);
    const [done] = await Promise.allSettled([work()]);
    for (const scope of SCOPES.toReversed()) {
      const error = await device.popErrorScope();
      if (error) broken ??= faultOf(scope, error.message);
    }
    if (done.status === 'rejected') {
      // A buffer that is to be mapped at once is refused by an exception.
      if (done.reason instanceof RangeError) broken ??= faultOf('out-of-memory', messageOf(done.reason));
      throw broken ?? done.reason;
    }
    if (broken) throw broken;
    return done.value;
  }

  const watch: Watch = async work => {
    if (broken) throw broken;
    const done = guarded(work);
    last = done;
    try {
      return await new Promise((resolve, reject) => {
        abandon = reject;
        done.then(resolve, reject);
      });
    } finally {
      abandon = undefined;
    }
  };

  return {
    watch,
    async idle() {
      await Promise.allSettled([last]);
    },
  };
}

function faultOf(scope: (typeof SCOPES)[number], message: string): CtXaiError {
  // What follows is where in Dawn.
  const told = message.trim().split('\n', 1)[0]!;
  if (scope === 'out-of-memory' || /exceeds.*(max|limit)|out of (device )?memory/i.test(told)) {
    return new CtXaiError('ENGINE', `the GPU has no room: ${told}`, { hint: 'Set a smaller micro-batch.' });
  }
  return new CtXaiError('ENGINE', `the GPU refused its work: ${told}`);
}
