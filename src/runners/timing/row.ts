import type { PlannedExplainer, PlannedModel } from '../../config/plan.ts';
import type { Placement, Runtime } from '../../core/contracts/index.ts';
import { carriedQuantile, quantile } from '../../core/statistics/quantile.ts';
import type { Passes, TimingRow } from '../../results/rows.ts';
import type { Call } from './call.ts';
import type { TimedDevice } from './devices.ts';
import type { EnergyMeter } from './energy.ts';
import { instability, remarksOf } from './remarks.ts';
import type { DeviceTimes } from './traced.ts';

/** All that was measured of one method. */
export interface Entry {
  readonly method: PlannedExplainer;
  readonly openMs: number;
  readonly first: { readonly wallMs: number; readonly passes: Passes };
  readonly placements: readonly Placement[];
  readonly calls: readonly Call[];
  /** Of images new to the method, and of the same images again: pairs, one after the other. */
  readonly fresh: readonly Call[];
  readonly seen: readonly Call[];
  /** The time was up before it was called as often as asked. */
  readonly cut: boolean;
  failure?: string;
}

type Names = 'kind' | 'model' | 'engine' | 'device' | 'deviceName' | 'asked' | 'method' | 'samples';

interface Place {
  readonly model: PlannedModel;
  readonly device: TimedDevice;
}

export function rowOf({ model, device: { asked } }: Place, runtime: Runtime, method: string): Pick<TimingRow, Names> {
  const { engine, device, deviceName } = runtime;
  return {
    kind: 'timing',
    model: model.id,
    engine,
    device,
    ...(deviceName === undefined ? {} : { deviceName }),
    ...(asked === undefined ? {} : { asked }),
    method,
    samples: 0,
  };
}

/** The row of a method of a model that can't be opened. */
export function failedRow({ model, device: { asked, engine } }: Place, method: string, reason: string): TimingRow {
  return {
    kind: 'timing',
    model: model.id,
    engine: engine.use,
    device: engine.device,
    ...(asked === undefined ? {} : { asked }),
    method,
    samples: 0,
    status: 'failed',
    reason,
  };
}

/** Of a method that was timed less often than the suite asks for. */
export const CUT = 'timed less often than asked, as the timing phase had used up its time (timing.most)';

export interface Surroundings {
  readonly runtime: Runtime;
  readonly host: boolean;
  readonly machine: NonNullable<TimingRow['machine']>;
  readonly energy: EnergyMeter;
  readonly traced: DeviceTimes | undefined;
}

/** A method's measurements as its row. */
export function timingRow(entry: Entry, around: Surroundings): Omit<TimingRow, Names> & Pick<TimingRow, 'samples'> {
  const { calls, openMs, first, fresh, seen, failure } = entry;
  if (failure !== undefined) return { samples: 0, status: 'failed', reason: failure };
  const { host, machine, energy } = around;
  const wall = calls.map(c => c.wallMs);
  const device = deviceTime(entry, around);
  const { why, ...times } = device;
  const deviceMs = host ? undefined : times.deviceMs?.p50;
  const unstable = instability({ calls, machine });
  const remarks = remarksOf({
    first,
    calls,
    fresh,
    seen,
    host,
    machine,
    ...(deviceMs === undefined ? {} : { deviceMs }),
  });
  if (entry.cut) remarks.push(CUT);
  const elsewhere = operatorsElsewhere(entry.placements);
  const joules = energyOf(calls, energy);
  const memory = times.deviceMemoryMb ?? memoryOf(calls, energy);
  const peaks = calls.flatMap(c => c.peakRssMb ?? []);
  const absent = {
    ...(why === undefined ? {} : { device_ms: why }),
    ...(joules === undefined ? { energy_j: energy.why ?? 'the counter did not move' } : {}),
  };
  return {
    samples: calls.length,
    wallMs: spread(wall),
    calls: calls.map(c => [c.image, Math.round(c.wallMs * 1e4) / 1e4] as const),
    openMs,
    firstMs: first.wallMs,
    cpuMs: average(calls.map(c => c.cpuMs)),
    jsMs: quantile(
      calls.map(c => c.jsMs),
      0.5,
    ),
    ...times,
    ...(memory === undefined ? {} : { deviceMemoryMb: memory }),
    ...(joules === undefined ? {} : { energyJ: joules, energySource: energy.source! }),
    passes: {
      forward: average(calls.map(c => c.passes.forward)),
      backward: average(calls.map(c => c.passes.backward)),
    },
    ...(peaks.length === 0 ? {} : { peakRssMb: Math.max(...peaks) }),
    ...(elsewhere ? { elsewhere } : {}),
    machine,
    ...(unstable.length > 0 ? { unstable } : {}),
    ...(remarks.length > 0 ? { remarks } : {}),
    ...(Object.keys(absent).length > 0 ? { absent } : {}),
    status: 'ok',
  };
}

type Times = Pick<TimingRow, 'deviceMs' | 'deviceTimeSource' | 'transferMs' | 'deviceMemoryMb'> & { why?: string };

/** On the CPU the process's own time; elsewhere what was traced. */
function deviceTime({ calls, method }: Entry, { host, traced }: Surroundings): Times {
  if (!host) return traced?.get(method.id) ?? { why: 'nothing was traced' };
  const cpu = calls.map(c => c.cpuMs);
  return { deviceMs: { p50: quantile(cpu, 0.5), samples: cpu.length }, deviceTimeSource: 'process CPU time' };
}

function spread(wall: readonly number[]): NonNullable<TimingRow['wallMs']> {
  const mean = average(wall);
  const p95 = carriedQuantile(wall, 0.95);
  return {
    mean,
    ...(wall.length > 1 ? { sd: standardDeviation(wall, mean) } : {}),
    p50: quantile(wall, 0.5),
    ...(p95 === null ? {} : { p95 }),
    min: Math.min(...wall),
    ...(wall.length < 4 ? {} : { q1: quantile(wall, 0.25), q3: quantile(wall, 0.75) }),
  };
}

/** Over all graphs that the method used; absent where every operator ran where it was asked to. */
function operatorsElsewhere(placements: readonly Placement[]): Record<string, number> | undefined {
  const found: Record<string, number> = {};
  for (const { elsewhere } of placements) {
    for (const [type, n] of Object.entries(elsewhere)) if (n > 0) found[type] = (found[type] ?? 0) + n;
  }
  return Object.keys(found).length > 0 ? found : undefined;
}

/** Counters move about once in a millisecond: what they say of shorter calls is noise. */
const LEAST_MS = 20;

/** Mean over the calls that could be read; none where calls are too short for the counter. */
function energyOf(calls: readonly Call[], energy: EnergyMeter): number | undefined {
  if (energy.source === undefined || average(calls.map(c => c.wallMs)) < LEAST_MS) return undefined;
  const joules = calls.flatMap(c => energy.between(c.startedMs, c.startedMs + c.wallMs) ?? []);
  return joules.length === 0 || joules.every(j => j === 0) ? undefined : average(joules);
}

function memoryOf(calls: readonly Call[], energy: EnergyMeter): number | undefined {
  const used = calls.flatMap(c => energy.peakMemoryMb(c.startedMs, c.startedMs + c.wallMs) ?? []);
  return used.length === 0 ? undefined : Math.max(...used);
}

function average(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

function standardDeviation(values: readonly number[], mean: number): number {
  return Math.sqrt(values.reduce((a, v) => a + (v - mean) ** 2, 0) / (values.length - 1));
}
