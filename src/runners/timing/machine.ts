import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { TimingRow } from '../../results/rows.ts';

/** What all processes and this one have used up to now. */
export interface MachineState {
  readonly atMs: number;
  /** Time that cores were busy, all added up; absent where the system doesn't tell. */
  readonly busyMs?: number;
  readonly ownMs: number;
  readonly clockMhz?: number;
}

export function readMachine(): MachineState {
  const { user, system } = process.cpuUsage();
  const busyMs = readBusy();
  const clockMhz = readClock();
  return {
    atMs: performance.now(),
    ownMs: (user + system) / 1000,
    ...(busyMs === undefined ? {} : { busyMs }),
    ...(clockMhz === undefined ? {} : { clockMhz }),
  };
}

/** How much others worked between two readings, and the clock at both. */
export function machineBetween(from: MachineState, to: MachineState): NonNullable<TimingRow['machine']> {
  const elapsed = to.atMs - from.atMs;
  const others =
    from.busyMs === undefined || to.busyMs === undefined || elapsed <= 0
      ? undefined
      : Math.max(0, to.busyMs - from.busyMs - (to.ownMs - from.ownMs)) / elapsed;
  const clock = [from.clockMhz, to.clockMhz];
  return {
    cores: cpus().length,
    ...(others === undefined ? {} : { othersCores: others }),
    ...(clock[0] === undefined || clock[1] === undefined ? {} : { clockMhz: [clock[0], clock[1]] as const }),
  };
}

/** Ticks of `/proc/stat` are hundredths of a second on every Linux that Node runs on. */
const TICK_MS = 10;

/** user, nice, system, irq, softirq, steal: guests are part of user. */
function readBusy(): number | undefined {
  const line = /^cpu\s+(.*)$/m.exec(readText('/proc/stat') ?? '')?.[1];
  const ticks = line?.trim().split(/\s+/).map(Number);
  if (!ticks || ticks.length < 4 || !ticks.every(Number.isFinite)) return undefined;
  return TICK_MS * [0, 1, 2, 5, 6, 7].reduce((sum, i) => sum + (ticks[i] ?? 0), 0);
}

/** Mean over the cores, MHz, as the kernel has it now. */
function readClock(): number | undefined {
  const found = [...(readText('/proc/cpuinfo') ?? '').matchAll(/^cpu MHz\s*:\s*([\d.]+)/gm)].map(m => Number(m[1]));
  if (found.length > 0) return found.reduce((a, b) => a + b, 0) / found.length;
  const khz = Number(readText('/sys/devices/system/cpu/cpu0/cpufreq/scaling_cur_freq'));
  return khz > 0 ? khz / 1000 : undefined;
}

export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
