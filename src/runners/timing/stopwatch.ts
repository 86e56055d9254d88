import { readFileSync, writeFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { Bench } from 'tinybench';

/** What one call cost. */
export interface Measured {
  readonly wallMs: number;
  /** User and system time of the process, all its threads. */
  readonly cpuMs: number;
  /** Time in which the main thread's event loop was not waiting: JavaScript, and what it calls synchronously. */
  readonly jsMs: number;
  /** Highest resident memory of the process meanwhile, MiB; absent where the system doesn't tell. */
  readonly peakRssMb?: number;
  /** When it began, on `performance.now`'s clock, to find it in what is sampled beside it. */
  readonly startedMs: number;
}

/** Times one call of a function, without warm-up. Rejects as the function does. */
export async function measure(name: string, work: () => Promise<unknown>): Promise<Measured> {
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
  const before = process.cpuUsage();
  await bench.run();
  const cpu = process.cpuUsage(before);
  const peak = canPeak ? readPeak() : undefined;
  const result = bench.tasks[0]!.result;
  const samples = 'latency' in result ? (result.latency.samples ?? []) : [];
  return {
    wallMs: samples[0]!,
    cpuMs: (cpu.user + cpu.system) / 1000,
    jsMs,
    startedMs,
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
