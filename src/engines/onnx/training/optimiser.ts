import type { OptimiserSpec } from '../../../core/contracts/training.ts';
import type { TrainedParameter } from './network.ts';

const [BETA1, BETA2, EPSILON, MOMENTUM] = [0.9, 0.999, 1e-8, 0.9];

/**
 * Moves one parameter down its gradient, in place. `memory` has the name's moments and is filled at first use.
 * @param count steps so far, this one included
 */
export function descend(
  { name, kind }: TrainedParameter,
  values: Float32Array,
  gradient: Float32Array,
  memory: Map<string, Float32Array>,
  step: OptimiserSpec & { readonly rate: number; readonly count: number },
): void {
  const { rate, count } = step;
  const shrink = 1 - (kind === 'weight' ? rate * step.decay : 0);
  const held = (key: string) => {
    const found = memory.get(key) ?? new Float32Array(values.length);
    memory.set(key, found);
    return found;
  };
  const m = held(`${name}/first`);
  if (step.name === 'sgd') {
    for (let i = 0; i < values.length; i++) {
      const g = gradient[i]!;
      m[i] = MOMENTUM * m[i]! + g;
      values[i] = values[i]! * shrink - rate * (g + MOMENTUM * m[i]!);
    }
    return;
  }
  const v = held(`${name}/second`);
  const first = rate / (1 - BETA1 ** count);
  const second = 1 / (1 - BETA2 ** count);
  for (let i = 0; i < values.length; i++) {
    const g = gradient[i]!;
    m[i] = BETA1 * m[i]! + (1 - BETA1) * g;
    v[i] = BETA2 * v[i]! + (1 - BETA2) * g * g;
    values[i] = values[i]! * shrink - (first * m[i]!) / (Math.sqrt(v[i]! * second) + EPSILON);
  }
}

/**
 * Moves an average towards the values, in place; the first ones follow them closely.
 * @param keep share of the average that stays, once there are steps enough
 * @param count steps so far, this one included
 */
export function averageOf(average: Float32Array, values: Float32Array, keep: number, count: number): void {
  const stays = Math.min(keep, count / (count + 9));
  for (let i = 0; i < values.length; i++) average[i] = stays * average[i]! + (1 - stays) * values[i]!;
}
