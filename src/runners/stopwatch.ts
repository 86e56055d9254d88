import { readFileSync, writeFileSync } from 'node:fs';
import { Bench } from 'tinybench';

/** What one call, or the mean of several, cost. */
export interface Measured {
  /** Wall time of each call. */
  readonly wallMs: readonly number[];
  /** User and system time of the process, all its threads, per call. */
  readonly cpuMs: number;
  /** Highest resident memory of the process meanwhile; absent where the system doesn't tell. */
  readonly peakRssMb?: number;
}

/** Times `calls` calls of a function, one after the other, without warm-up. Rejects as the function does. */
export async function measure(name: string, calls: number, work: () => Promise<unknown>): Promise<Measured> {
  // `time: 0`: exactly this many iterations.
  const bench = new Bench({ iterations: calls, time: 0, warmup: false, retainSamples: true, throws: true });
  bench.add(name, work, { async: true });
  const canPeak = resetPeak();
  const before = process.cpuUsage();
  await bench.run();
  const cpu = process.cpuUsage(before);
  const peak = canPeak ? readPeak() : undefined;
  const result = bench.tasks[0]!.result;
  const samples = 'latency' in result ? (result.latency.samples ?? []) : [];
  return {
    wallMs: [...samples],
    cpuMs: (cpu.user + cpu.system) / 1000 / calls,
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
