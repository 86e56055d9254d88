/**
 * ONNX Runtime has one WebGPU device for the whole process, and takes no care of threads: two models that run at the
 * same time crash it. Whoever uses the device holds this lock: 0 while nobody does, else the thread's number.
 */
export const GPU_LOCK = new Int32Array(new SharedArrayBuffer(4));

const FREE = 0;

/** Waits, which blocks the thread, until the lock is the thread's; then works, and gives it back. */
export async function holding<T>(lock: Int32Array | undefined, thread: number, work: () => Promise<T>): Promise<T> {
  if (!lock) return work();
  for (;;) {
    const holder = Atomics.compareExchange(lock, 0, FREE, thread);
    if (holder === FREE) break;
    Atomics.wait(lock, 0, holder);
  }
  try {
    return await work();
  } finally {
    releaseLock(lock, thread);
  }
}

/** Gives the lock back if the thread holds it, as a thread that died may. */
export function releaseLock(lock: Int32Array, thread: number): void {
  if (Atomics.compareExchange(lock, 0, thread, FREE) === thread) Atomics.notify(lock, 0, 1);
}
