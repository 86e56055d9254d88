import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { nvidiaMeter, parseReading, raplMeter } from '../../src/runners/timing/energy.ts';
import { machineBetween } from '../../src/runners/timing/machine.ts';
import { temporaryFolder } from '../results/fixture.ts';

describe('energy', () => {
  test('by RAPL is the counter’s rise, over its end too', async () => {
    const dir = join(await temporaryFolder(), 'intel-rapl:0');
    await mkdir(dir);
    await writeFile(join(dir, 'max_energy_range_uj'), '100000000\n');
    const counter = (joules: number) => writeFile(join(dir, 'energy_uj'), `${joules * 1e6}\n`);
    await counter(90);
    const meter = raplMeter(dir);
    expect(meter.source).toContain('RAPL');
    const at: number[] = [];
    for (const joules of [90, 97, 4]) {
      await counter(joules);
      meter.sample();
      at.push(performance.now());
      await new Promise(resolve => setTimeout(resolve, 3));
    }
    expect(meter.between(at[0]!, at[1]!)).toBeCloseTo(7);
    expect(meter.between(at[1]!, at[2]!)).toBeCloseTo(7);
    expect(meter.between(at[0]!, at[0]!)).toBeUndefined();
  });

  test('that can not be read has a reason', async () => {
    const meter = raplMeter(join(await temporaryFolder(), 'none'));
    expect(meter.source).toBeUndefined();
    expect(meter.why).toContain('RAPL');
    expect(meter.between(0, 1)).toBeUndefined();
  });

  test('by nvidia-smi is mean power times time; a program that is not there has a reason', async () => {
    const dir = await temporaryFolder();
    const program = join(dir, 'smi');
    // The lines that nvidia-smi prints for this query.
    await writeFile(program, '#!/bin/sh\nprintf "100.00, 1500\\n60.00, 1700\\n[N/A], 1600\\n"\nexec sleep 5\n');
    await chmod(program, 0o755);
    const start = performance.now();
    const meter = nvidiaMeter(program);
    await vi.waitFor(() => expect(meter.source).toBeDefined(), { timeout: 60_000 });
    meter.stop();
    const end = performance.now() + 1;
    expect(meter.between(start, end)).toBeCloseTo((80 * (end - start)) / 1000);
    expect(meter.peakMemoryMb(start, end)).toBe(1700);
    expect(meter.between(end + 1e4, end + 2e4)).toBeUndefined();

    // Stopped before Node has told that it is missing, it must not end this process.
    nvidiaMeter(join(dir, 'no such program')).stop();
    const none = nvidiaMeter(join(dir, 'no such program'));
    await vi.waitFor(() => expect(none.why).toBe('nvidia-smi is missing'), { timeout: 60_000 });
    expect([none.source, none.between(0, 1)]).toEqual([undefined, undefined]);
    none.stop();
  });

  test('of a line that says nothing is nothing', () => {
    expect(parseReading('71.34, 1203')).toEqual({ watts: 71.34, memoryMb: 1203 });
    expect(parseReading('[N/A], [N/A]')).toEqual({});
    expect(parseReading('')).toEqual({});
  });
});

test('what others did is what was done without one’s own, per time; absent where the system does not tell', () => {
  const from = { atMs: 0, busyMs: 1000, ownMs: 100, clockMhz: 2000 };
  const to = { atMs: 500, busyMs: 1900, ownMs: 500, clockMhz: 1500 };
  expect(machineBetween(from, to)).toMatchObject({ othersCores: 1, clockMhz: [2000, 1500] });
  const { busyMs: _, clockMhz: __, ...silent } = from;
  expect(machineBetween(silent, to).othersCores).toBeUndefined();
  expect(machineBetween(silent, to).clockMhz).toBeUndefined();
  // Ticks are coarse: own time may seem more than all.
  expect(machineBetween(from, { ...to, busyMs: 1100 }).othersCores).toBe(0);
});
