import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
// Its import registers the operators' gradients.
import '@tensorflow/tfjs-layers';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { visibleGpus } from '../../shared/nvidia.ts';
import { completeKernels, differentiateDilated, withoutDilation } from '../kernels/index.ts';
import { isInstalled } from './installed.ts';
import type { GpuClock } from './webgpu/clock.ts';
import type { Guard } from './webgpu/faults.ts';
import { missingPackages, PACKAGES, startWebgpu } from './webgpu/start.ts';

export interface TfjsDevice {
  readonly name: string;
  /** Which of several is wanted: what follows a colon, as in `webgpu:1`. */
  readonly selector?: string;
  /** What to do where it does not work. */
  readonly hint: string;
  /** Whether its authors have run it. */
  readonly tried: boolean;
}

const NATIVE = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

const INSTALL = 'npm install @tensorflow/tfjs-node-gpu (its install script must be able to download libtensorflow)';

/** Kinds of which a machine can have several. */
const SEVERAL: readonly string[] = ['cuda', 'webgpu'];

/** From the best to the last resort, which is what `auto` goes by. */
export const DEVICES: readonly TfjsDevice[] = [
  { name: 'cuda', hint: `It needs CUDA 11 and cuDNN 8, and: ${INSTALL}.`, tried: false },
  {
    name: 'webgpu',
    hint: `It needs: npm install ${PACKAGES.join(' ')}; and a Vulkan driver (Linux), Direct3D 12 (Windows) or Metal (macOS).`,
    tried: true,
  },
  { name: 'cpu', hint: `It needs: ${INSTALL}. Or use device: wasm.`, tried: true },
  { name: 'wasm', hint: 'Install @tensorflow/tfjs-backend-wasm again.', tried: true },
  { name: 'cpu-js', hint: 'Install @tensorflow/tfjs-backend-cpu again.', tried: true },
];

/**
 * @param name one of `DEVICES`; where there may be several of a kind, also `webgpu:1` or `webgpu:part of its name`
 * @throws CtXaiError DEVICE for a name this engine does not know.
 */
export function deviceNamed(name: string): TfjsDevice {
  const [kind, ...rest] = name.split(':');
  const selector = rest.join(':');
  const device = DEVICES.find(d => d.name === kind);
  if (device && rest.length === 0) return device;
  if (device && SEVERAL.includes(device.name) && selector !== '') return { ...device, selector };
  throw new CtXaiError('DEVICE', `engine 'tfjs' has no device '${name}'.`, {
    hint: `There are: auto, ${DEVICES.map(d => d.name).join(', ')}; with several GPUs also webgpu:1, webgpu:NAME, cuda:1.`,
  });
}

/**
 * Readies this process for CUDA, before libtensorflow looks, and tells what the driver calls the GPU that it will take.
 */
export async function readyCuda(): Promise<string | undefined> {
  // CUDA's own order is by speed; with this one its numbers are nvidia-smi's.
  process.env.CUDA_DEVICE_ORDER ??= 'PCI_BUS_ID';
  // Products of numbers with 10 bits of precision would not be the CPU's.
  process.env.NVIDIA_TF32_OVERRIDE ??= '0';
  return (await visibleGpus(process.env.CUDA_VISIBLE_DEVICES))[0]?.name;
}

export function isNative(device: TfjsDevice): boolean {
  return device.name === 'cuda' || device.name === 'cpu';
}

/** Which of the native packages is installed, if one is: without install scripts it comes without its native part. */
export function nativePackage(): string | undefined {
  return NATIVE.find(name => isInstalled(name) && hasBinding(name));
}

function hasBinding(name: string): boolean {
  const lib = join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'lib');
  if (!existsSync(lib)) return false;
  return readdirSync(lib).some(folder => existsSync(join(lib, folder, 'tfjs_binding.node')));
}

/** A device that this thread's TF.js computes on. */
export interface Started extends Guard {
  /** Its number among those of its kind. */
  readonly index?: number;
  /** What its driver calls it. */
  readonly deviceName?: string;
  readonly clock?: GpuClock;
}

/**
 * Makes this thread's TF.js compute on a device.
 * @param options.trace whether the device's clock is to be read
 * @param options.hardwareOnly whether a GPU in software will not do
 * @throws CtXaiError DEVICE with what is missing
 */
export async function useDevice(
  name: string,
  options: { readonly trace?: boolean; readonly hardwareOnly?: boolean } = {},
): Promise<Started> {
  const device = deviceNamed(name);
  // Without its advertisement on the terminal.
  tf.enableProdMode();
  let started: Started = { watch: work => work(), idle: async () => {} };
  try {
    requireInstalled(device);
    const { selector } = device;
    if (isNative(device)) await useNative(device);
    else if (device.name === 'webgpu') started = await startWebgpu({ ...options, ...(selector ? { selector } : {}) });
    else if (device.name === 'wasm') await useWasm();
    else await usePlain();
    if (device.name === 'webgpu') completeKernels('webgpu');
    differentiateDilated();
  } catch (cause) {
    if (cause instanceof CtXaiError) throw cause;
    throw new CtXaiError('DEVICE', `device '${name}' does not start: ${messageOf(cause)}`, {
      hint: device.hint,
      cause,
    });
  }
  return started;
}

async function useWasm(): Promise<void> {
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  const root = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm/package.json'));
  // Once it runs, TF.js complains about new paths.
  if (tf.findBackend('wasm') === null) setWasmPaths(join(root, 'dist/'));
  await select('wasm');
  completeKernels('wasm');
}

async function usePlain(): Promise<void> {
  await import('@tensorflow/tfjs-backend-cpu');
  await select('cpu');
  completeKernels('cpu');
}

/** @throws CtXaiError DEVICE where a device needs a package that is not there, or can't be chosen from here */
export function requireInstalled(device: TfjsDevice): void {
  if (device.name === 'webgpu') {
    const missing = missingPackages();
    if (missing.length === 0) return;
    const are = missing.length === 1 ? 'is' : 'are';
    throw new CtXaiError('DEVICE', `device 'webgpu' is missing: ${missing.join(' and ')} ${are} not installed.`, {
      hint: device.hint,
    });
  }
  if (!isNative(device)) return;
  if (nativePackage() === undefined) {
    throw new CtXaiError('DEVICE', `device '${device.name}' is missing: TF.js's native package is not installed.`, {
      hint: device.hint,
    });
  }
  // libtensorflow takes the first GPU that it is shown, and reads the variable once for the whole process.
  const { selector } = device;
  if (selector === undefined || process.env.CUDA_VISIBLE_DEVICES === selector) return;
  throw new CtXaiError('DEVICE', `TF.js can't choose among CUDA's GPUs by itself, so '${selector}' is out of reach.`, {
    hint: `Start the program with CUDA_VISIBLE_DEVICES=${selector} in its environment.`,
  });
}

async function useNative(device: TfjsDevice): Promise<void> {
  const installed = nativePackage()!;
  // Gone since Node 23; tfjs-node calls it all the same.
  const old = util as { isNullOrUndefined?: (value: unknown) => boolean };
  old.isNullOrUndefined ??= value => value === null || value === undefined;
  await import(installed);
  await select('tensorflow');
  completeKernels('tensorflow');
  withoutDilation('tensorflow');
  const onGpu = (tf.backend() as { isUsingGpuDevice?: boolean }).isUsingGpuDevice === true;
  if (onGpu === (device.name === 'cuda')) return;
  const what = onGpu ? `${installed} took a GPU` : `${installed} found no GPU that it can use`;
  throw new CtXaiError('DEVICE', `device '${device.name}' was asked for, but ${what}.`, {
    hint: onGpu ? 'Set CUDA_VISIBLE_DEVICES=-1 to hide it.' : device.hint,
  });
}

async function select(backend: string): Promise<void> {
  if (!(await tf.setBackend(backend))) throw new Error(`TF.js can't start its back end '${backend}'.`);
  await tf.ready();
}
