import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { Bench } from 'tinybench';

/** What one call cost. */
export interface CallTime {
  readonly wallMs: number;
  /** User and system time of the process, all its threads. */
  readonly cpuMs: number;
  /** Time in which the main thread's event loop was not waiting: JavaScript, and what it calls synchronously. */
  readonly jsMs: number;
  /** Time that its threads were ready to run and others had the cores; absent where the system doesn't tell. */
  readonly delayMs?: number;
  /** Highest resident memory of the process meanwhile, MiB; absent where the system doesn't tell. */
  readonly peakRssMb?: number;
  /** When it began, on `performance.now`'s clock, to find it in what is sampled beside it. */
  readonly startedMs: number;
}

/** Times one call of a function, without warm-up. Rejects as the function does. */
export async function measure(name: string, work: () => Promise<unknown>): Promise<CallTime> {
  // `time: 0`: exactly this many iterations.
  const bench = new Bench({ iterations: 1, time: 0, warmup: false, retainSamples: true, throws: true });
  let [jsMs, startedMs] = [0, 0];
  bench.add(
    name,
    async () => {
      startedMs = performance.now();
      const before = performance.eventLoopUtilization();
      await work();
      jsMs = performance.eventLoopUtilization(before).active;
    },
    { async: true },
  );
  const canPeak = resetPeak();
  const delayBefore = readDelay();
  const before = process.cpuUsage();
  await bench.run();
  const cpu = process.cpuUsage(before);
  const delayAfter = readDelay();
  const peak = canPeak ? readPeak() : undefined;
  const result = bench.tasks[0]!.result;
  const samples = 'latency' in result ? (result.latency.samples ?? []) : [];
  return {
    wallMs: samples[0]!,
    cpuMs: (cpu.user + cpu.system) / 1000,
    jsMs,
    startedMs,
    // A thread that ended takes its share along.
    ...(delayBefore === undefined || delayAfter === undefined
      ? {}
      : { delayMs: Math.max(0, delayAfter - delayBefore) }),
    ...(peak === undefined ? {} : { peakRssMb: peak }),
  };
}

/** Linux keeps the highest resident memory, and forgets it when asked. */
function resetPeak(): boolean {
  try {
    writeFileSync('/proc/self/clear_refs', '5');
    return true;
  } catch {
    return false;
  }
}

function readPeak(): number | undefined {
  try {
    const kb = /^VmHWM:\s*(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return kb === undefined ? undefined : Number(kb) / 1024;
  } catch {
    return undefined;
  }
}

/** Linux counts for each thread the nanoseconds that it waited for a core. */
function readDelay(): number | undefined {
  try {
    let total = 0;
    for (const thread of readdirSync('/proc/self/task')) {
      try {
        total += Number(readFileSync(`/proc/self/task/${thread}/schedstat`, 'utf8').split(' ')[1]);
      } catch (error) {
        // It ended meanwhile, unless none has the file.
        if (Number(thread) === process.pid) throw error;
      }
    }
    return Number.isFinite(total) ? total / 1e6 : undefined;
  } catch {
    return undefined;
  }
}
