import { type ChildProcess, spawn } from 'node:child_process';
import { readText } from './machine.ts';

/** Energy of the machine or of its graphics device, read while calls are timed. */
export interface EnergyMeter {
  /** As tables name it; absent where nothing can be read, for the reason in `why`. */
  readonly source?: string;
  readonly why?: string;
  /** Joules between two moments on `performance.now`'s clock; undefined where too little was read. */
  between(fromMs: number, toMs: number): number | undefined;
  /** Most memory in use on the graphics device meanwhile, MiB. */
  peakMemoryMb(fromMs: number, toMs: number): number | undefined;
  /** To be called at the ends of a call, outside the timed window. */
  sample(): void;
  stop(): void;
}

interface Reading {
  readonly atMs: number;
  readonly joules?: number;
  readonly watts?: number;
  readonly memoryMb?: number;
}

/** Intel's running average power limit counter: the whole package, others' work included. */
const RAPL = '/sys/class/powercap/intel-rapl:0';

/** RAPL for devices on the CPU, `nvidia-smi` for graphics devices. */
export function openEnergyMeter(onHost: boolean): EnergyMeter {
  return onHost ? raplMeter(RAPL) : nvidiaMeter('nvidia-smi');
}

/** @param dir a folder with `energy_uj` and `max_energy_range_uj` */
export function raplMeter(dir: string): EnergyMeter {
  const read = () => {
    const text = readText(`${dir}/energy_uj`);
    return text === undefined || text.trim() === '' ? undefined : Number(text) / 1e6;
  };
  const range = Number(readText(`${dir}/max_energy_range_uj`) ?? 0) / 1e6;
  const readings: Reading[] = [];
  if (read() === undefined) return noMeter('RAPL: energy_uj is missing or needs more rights');
  return {
    source: 'RAPL, whole package',
    between(from, to) {
      const [a, b] = [nearest(readings, from), nearest(readings, to)];
      if (a?.joules === undefined || b?.joules === undefined || a === b) return undefined;
      // The counter starts again at 0 after `range`.
      return b.joules >= a.joules ? b.joules - a.joules : b.joules - a.joules + range;
    },
    peakMemoryMb: () => undefined,
    sample() {
      const joules = read();
      if (joules !== undefined) readings.push({ atMs: performance.now(), joules });
    },
    stop() {},
  };
}

const SAMPLE_MS = 50;

/** Power and memory in use, by a process that prints them every 50 ms. @param command `nvidia-smi`, or its path */
export function nvidiaMeter(command: string): EnergyMeter {
  const readings: Reading[] = [];
  let why: string | undefined;
  let child: ChildProcess | undefined;
  try {
    const query = ['--query-gpu=power.draw,memory.used', '--format=csv,noheader,nounits', `-lms`, String(SAMPLE_MS)];
    child = spawn(command, query, { stdio: ['ignore', 'pipe', 'ignore'] });
    child.unref();
    child.on('error', () => {
      why = 'nvidia-smi is missing';
    });
    let rest = '';
    child.stdout?.on('data', (piece: Buffer) => {
      const lines = (rest + piece.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) readings.push({ atMs: performance.now(), ...parseReading(line) });
    });
  } catch {
    why = 'nvidia-smi is missing';
  }
  return {
    get source() {
      return readings.some(r => r.watts !== undefined) ? 'nvidia-smi, whole device' : undefined;
    },
    get why() {
      return why ?? (readings.length === 0 ? 'nvidia-smi printed nothing' : 'nvidia-smi gives no power');
    },
    between(from, to) {
      const watts = readings.filter(r => r.atMs >= from && r.atMs <= to + SAMPLE_MS).flatMap(r => r.watts ?? []);
      if (watts.length === 0) return undefined;
      return (watts.reduce((a, b) => a + b, 0) / watts.length) * ((to - from) / 1000);
    },
    peakMemoryMb(from, to) {
      const used = readings.filter(r => r.atMs >= from && r.atMs <= to + SAMPLE_MS).flatMap(r => r.memoryMb ?? []);
      return used.length === 0 ? undefined : Math.max(...used);
    },
    sample() {},
    stop() {
      // Until Node tells that a program is missing, a signal to it would go to this whole group of processes.
      if (child?.pid !== undefined) child.kill();
    },
  } as EnergyMeter;
}

/** '71.34, 1203' → watts and MiB; what is '[N/A]' is left out. */
export function parseReading(line: string): Omit<Reading, 'atMs'> {
  const [watts, memoryMb] = line.split(',').map(cell => (cell.trim() === '' ? Number.NaN : Number(cell)));
  return {
    ...(Number.isFinite(watts) ? { watts: watts! } : {}),
    ...(Number.isFinite(memoryMb) ? { memoryMb: memoryMb! } : {}),
  };
}

export function noMeter(why: string): EnergyMeter {
  return { why, between: () => undefined, peakMemoryMb: () => undefined, sample() {}, stop() {} };
}

function nearest(readings: readonly Reading[], atMs: number): Reading | undefined {
  let best: Reading | undefined;
  for (const r of readings) if (!best || Math.abs(r.atMs - atMs) < Math.abs(best.atMs - atMs)) best = r;
  return best;
}
