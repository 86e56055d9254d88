import { freemem } from 'node:os';

/** Lets work through as long as all that is under way together needs no more memory than there is. */
export interface MemoryGate {
  /** Waits until there is room, and runs the work. One that needs more than there is runs alone. */
  run<T>(bytes: number, work: () => Promise<T>): Promise<T>;
}

/** @param budget Bytes for all work under way. Default: a quarter of the memory that is free now. */
export function createMemoryGate(budget: number = freemem() / 4): MemoryGate {
  const waiting: { readonly bytes: number; readonly start: () => void }[] = [];
  let used = 0;
  let running = 0;
  const admit = (): void => {
    while (waiting[0] && (running === 0 || used + waiting[0].bytes <= budget)) {
      const next = waiting.shift()!;
      used += next.bytes;
      running++;
      next.start();
    }
  };
  return {
    async run(bytes, work) {
      await new Promise<void>(start => {
        waiting.push({ bytes, start });
        admit();
      });
      try {
        return await work();
      } finally {
        used -= bytes;
        running--;
        admit();
      }
    },
  };
}
