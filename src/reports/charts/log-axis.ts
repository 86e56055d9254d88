import { scaleLinear, scaleLog } from 'd3-scale';
import { compact } from '../text/format.ts';
import type { Axis } from './axis.ts';

const MOST_TICKS = 8;

/** A logarithmic axis over the values above 0, with ticks at 1, 2 and 5 of each decade, or fewer where they crowd. */
export function logAxisOver(values: Iterable<number>, pixels: readonly [number, number]): Axis {
  let [low, high] = [Number.POSITIVE_INFINITY, 0];
  for (const value of values) {
    if (!(value > 0 && Number.isFinite(value))) continue;
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low > high) [low, high] = [1, 10];
  const room = Math.max(1.15, (high / low) ** 0.05);
  const domain: [number, number] = [low / room, high * room];
  const scale = scaleLog()
    .domain(domain)
    .range(pixels as [number, number]);
  return Object.assign((value: number) => scale(Math.max(value, domain[0])), {
    ticks: ticksOf(domain),
    label: compact,
    domain,
  });
}

function ticksOf([low, high]: readonly [number, number]): number[] {
  for (const steps of [[1, 2, 5], [1, 3], [1]]) {
    const ticks: number[] = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) {
      for (const step of steps) {
        // Negative powers as quotients: 5 × 10⁻¹ would not be 0.5 for all of them.
        const tick = power < 0 ? step / 10 ** -power : step * 10 ** power;
        if (tick >= low && tick <= high) ticks.push(tick);
      }
    }
    // So narrow that no round number falls into it.
    if (ticks.length < 2) return scaleLinear().domain([low, high]).ticks(4);
    if (ticks.length <= MOST_TICKS) return ticks;
    if (steps.length === 1) return ticks.filter((_, i) => i % Math.ceil(ticks.length / MOST_TICKS) === 0);
  }
  return [];
}
