import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
// Its import registers the operators' gradients.
import '@tensorflow/tfjs-layers';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { completeKernels, differentiateDilated } from './kernels/index.ts';

export interface Device {
  readonly name: string;
  /** What to do where it does not work. */
  readonly hint: string;
  /** Whether its authors have run it. */
  readonly tried: boolean;
}

const NATIVE = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'] as const;

const INSTALL = 'npm install @tensorflow/tfjs-node-gpu (its install script must be able to download libtensorflow)';

/** From the best to the last resort, which is what `auto` goes by. */
export const DEVICES: readonly Device[] = [
  { name: 'cuda', hint: `It needs CUDA 11 and cuDNN 8, and: ${INSTALL}.`, tried: false },
  { name: 'cpu', hint: `It needs: ${INSTALL}. Or use device: wasm.`, tried: false },
  { name: 'wasm', hint: 'Install @tensorflow/tfjs-backend-wasm again.', tried: true },
  { name: 'cpu-js', hint: 'Install @tensorflow/tfjs-backend-cpu again.', tried: true },
];

/** @throws CtXaiError DEVICE for a name this engine does not know. */
export function deviceNamed(name: string): Device {
  const device = DEVICES.find(d => d.name === name);
  if (device) return device;
  throw new CtXaiError('DEVICE', `engine 'tfjs' has no device '${name}'.`, {
    hint: `There are: auto, ${DEVICES.map(d => d.name).join(', ')}.`,
  });
}

export function isNative(device: Device): boolean {
  return device.name === 'cuda' || device.name === 'cpu';
}

/** Which of the native packages is installed, if one is. */
export function nativePackage(): string | undefined {
  const require = createRequire(import.meta.url);
  return NATIVE.find(name => {
    try {
      require.resolve(`${name}/package.json`);
      return true;
    } catch {
      return false;
    }
  });
}

/**
 * Makes this thread's TF.js compute on a device.
 * @throws CtXaiError DEVICE with what is missing
 */
export async function useDevice(name: string): Promise<void> {
  const device = deviceNamed(name);
  // Without its advertisement on the terminal.
  tf.enableProdMode();
  try {
    if (isNative(device)) await useNative(device);
    else if (name === 'wasm') await useWasm();
    else await usePlain();
    differentiateDilated();
  } catch (cause) {
    if (cause instanceof CtXaiError) throw cause;
    throw new CtXaiError('DEVICE', `device '${name}' does not start: ${messageOf(cause)}`, {
      hint: device.hint,
      cause,
    });
  }
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

/** @throws CtXaiError DEVICE where a device needs a package that is not there */
export function requireInstalled(device: Device): void {
  if (!isNative(device) || nativePackage() !== undefined) return;
  throw new CtXaiError('DEVICE', `device '${device.name}' is missing: TF.js's native package is not installed.`, {
    hint: device.hint,
  });
}

async function useNative(device: Device): Promise<void> {
  requireInstalled(device);
  const installed = nativePackage()!;
  // Gone since Node 23; tfjs-node calls it all the same.
  const old = util as { isNullOrUndefined?: (value: unknown) => boolean };
  old.isNullOrUndefined ??= value => value === null || value === undefined;
  await import(installed);
  await select('tensorflow');
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
