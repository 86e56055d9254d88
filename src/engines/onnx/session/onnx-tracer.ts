import type { DeviceTime, Tracer } from '../../../core/contracts/index.ts';
import type { OnnxDevice } from '../devices/onnx-devices.ts';
import type { OnnxExecutor } from './onnx-executor.ts';
import type { OnnxPool } from './onnx-pool.ts';
import { added } from './profile.ts';

/** Clocks, by execution provider. */
const SOURCES: Readonly<Record<string, string>> = { webgpu: 'timestamp queries', cuda: 'kernel records' };

/** Reads the device's clock from the profiles that a pool's sessions write. */
export function tracerOf(device: OnnxDevice, executor: Pick<OnnxExecutor, 'label'>, pool: OnnxPool): Tracer {
  const begun = new Set<string>();
  return {
    source: SOURCES[device.provider]!,
    begin(label) {
      executor.label = label;
      begun.add(label);
    },
    async end() {
      const times = new Map<string, DeviceTime>();
      for (const label of begun) times.set(label, { unionMs: 0, sumMs: 0, kernels: 0 });
      // Sessions run one after the other, each in its worker, so that no run's time is part of another's.
      for (const facts of await pool.times()) {
        for (const [label, time] of facts) times.set(label, added(times.get(label)!, time));
      }
      return times;
    },
  };
}
