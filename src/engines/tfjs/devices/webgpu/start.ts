import * as tf from '@tensorflow/tfjs-core';
import { CtXaiError } from '../../../../core/errors.ts';
import { isInstalled } from '../installed.ts';
import { chooseAdapter } from './adapters.ts';
import { GpuClock } from './clock.ts';
import { type Guard, watchDevice } from './faults.ts';
import type { Dawn, WebgpuBackend } from './types.ts';

/** Dawn for Node, and TF.js's back end that runs on it. */
export const PACKAGES = ['webgpu', '@tensorflow/tfjs-backend-webgpu'] as const;

export interface StartedGpu extends Guard {
  /** Its number among the GPUs. */
  readonly index: number;
  readonly deviceName: string;
  /** Where it was asked for and the device has one. */
  readonly clock?: GpuClock;
}

export interface GpuOptions {
  /** Which GPU: its number or a part of its name. Default: the first. */
  readonly selector?: string;
  /** Whether its clock is to be read. */
  readonly trace?: boolean;
  /** Whether a GPU in software will not do. */
  readonly hardwareOnly?: boolean;
}

/** Those of the packages that are not installed. */
export function missingPackages(): string[] {
  return PACKAGES.filter(name => !isInstalled(name));
}

/**
 * Makes this thread's TF.js compute on a GPU.
 * @throws CtXaiError DEVICE
 */
export async function startWebgpu({ selector, trace, hardwareOnly }: GpuOptions): Promise<StartedGpu> {
  const [dawnName, backendName] = PACKAGES;
  const dawn = (await import(dawnName as string)) as Dawn;
  const { adapter, index, name, flags } = await chooseAdapter(dawn, selector);
  const { description, isFallbackAdapter } = adapter.info;
  if (hardwareOnly && isFallbackAdapter) {
    throw new CtXaiError('DEVICE', `the only GPU is software ('${name}').`, { hint: 'device: webgpu takes it.' });
  }
  Object.assign(globalThis, dawn.globals);
  // Dawn rounds timestamps to 100 µs otherwise, longer than most kernels run.
  const exact = trace ? ['disable-dawn-features=timestamp_quantization'] : [];
  provide(dawn.create([...flags, ...exact]));
  await import(backendName as string);
  // Small tensors would be computed on the CPU, in JavaScript.
  tf.env().set('WEBGPU_CPU_FORWARD', false);
  if (!(await tf.setBackend('webgpu'))) throw new Error("TF.js can't start its back end 'webgpu'.");
  await tf.ready();
  const backend = tf.backend() as unknown as WebgpuBackend;
  const { device } = backend;
  const clocked = trace && device.features.has('timestamp-query');
  return {
    index,
    deviceName: description && description !== name ? `${name}, ${description}` : name,
    ...watchDevice(device),
    ...(clocked ? { clock: new GpuClock(device, () => backend.memory().numBytesInGPU) } : {}),
  };
}

/** Where TF.js looks for WebGPU; Node has no navigator before version 21, and none with a GPU. */
function provide(gpu: object): void {
  const known = globalThis as { navigator?: object };
  if (known.navigator === undefined) {
    Object.defineProperty(globalThis, 'navigator', { value: {}, configurable: true });
  }
  Object.defineProperty(known.navigator, 'gpu', { value: gpu, configurable: true });
}
