import type { Plan, PlannedEngine, PlannedModel } from '../../config/plan.ts';
import type { FullClassifier, Runtime } from '../../core/contracts/index.ts';
import { openModel } from '../../jobs/open-model.ts';

/** Where methods are timed. */
export interface TimedDevice {
  /** As `timing.devices` names it; absent where it is the run's own. */
  readonly asked?: string;
  readonly engine: PlannedEngine;
}

/** The devices of a plan's timing phase. */
export function timedDevices({ engine, timing }: Pick<Plan, 'engine' | 'timing'>): TimedDevice[] {
  if (timing.devices === undefined) return [{ engine }];
  return timing.devices.map(asked => ({ asked, engine: parseDevice(asked, engine.use) }));
}

/** 'webgpu' or 'tfjs/webgpu'. What the run has tuned for its own device means nothing on another. */
export function parseDevice(text: string, use: string): PlannedEngine {
  const at = text.indexOf('/');
  return at < 0 ? { use, device: text } : { use: text.slice(0, at), device: text.slice(at + 1) };
}

/** Whether a device's work is the process's own CPU time. */
export function isHost(device: string): boolean {
  return /^(cpu|wasm|cpu-js)(:\d+)?$/.test(device);
}

export type OpenDevice = (options?: { readonly trace?: boolean }) => Promise<FullClassifier>;

/** Opens one model again and again with the same settings. */
export interface Opener {
  readonly open: OpenDevice;
  /** Finds the settings where no earlier start did, so that no measured opening does. */
  settle(): Promise<void>;
}

export function createOpener(
  plan: Pick<Plan, 'registry'>,
  model: PlannedModel,
  engine: PlannedEngine,
  options: { readonly earlier?: Runtime; readonly cacheDir?: string; readonly signal: AbortSignal },
): Opener {
  const { cacheDir, signal } = options;
  let runtime = options.earlier;
  const open: OpenDevice = async ({ trace } = {}) => {
    const opened = await openModel({ engine, registry: plan.registry }, model, {
      signal,
      ...(trace ? { trace } : {}),
      ...(runtime ? { earlier: runtime } : {}),
      ...(cacheDir === undefined ? {} : { cacheDir }),
    });
    runtime ??= opened.runtime;
    return opened;
  };
  return {
    open,
    async settle() {
      if (!runtime) await (await open()).close();
    },
  };
}
