import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { CtXaiError } from '../../core/errors.ts';

export interface Device {
  readonly name: string;
  /** ONNX Runtime's execution provider. */
  readonly provider: string;
  /** What to do where it does not work. */
  readonly hint: string;
  /** Whether its authors have run it. */
  readonly tried: boolean;
}

export const DEVICES: readonly Device[] = [
  { name: 'cpu', provider: 'cpu', hint: 'Install onnxruntime-node again.', tried: true },
  {
    name: 'webgpu',
    provider: 'webgpu',
    hint: 'It needs a Vulkan driver (Linux), Direct3D 12 (Windows) or Metal (macOS). Use device: cpu.',
    tried: true,
  },
  {
    name: 'cuda',
    provider: 'cuda',
    hint: 'Install onnxruntime-node with its CUDA provider (ONNXRUNTIME_NODE_INSTALL unset), CUDA 12 and cuDNN 9.',
    tried: false,
  },
];

/**
 * @throws CtXaiError DEVICE where ONNX Runtime's library for the device is not installed: asking it to load one that is
 * missing would put its own complaint on the terminal.
 */
export function requireProvider(device: Device): void {
  if (device.provider !== 'cuda') return;
  const names = { linux: 'libonnxruntime_providers_cuda.so', win32: 'onnxruntime_providers_cuda.dll' };
  const name = names[process.platform as keyof typeof names];
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const file = join(root, 'bin', 'napi-v6', process.platform, process.arch, name ?? '');
  if (name !== undefined && existsSync(file)) return;
  const why = name === undefined ? `does not exist for ${process.platform}` : 'is not installed';
  throw new CtXaiError('DEVICE', `ONNX Runtime's CUDA provider ${why}.`, { hint: device.hint });
}

/**
 * The device of that name; `auto` is the CPU for now.
 * @throws CtXaiError DEVICE for a name this engine does not know.
 */
export function deviceNamed(name: string): Device {
  const device = DEVICES.find(d => d.name === (name === 'auto' ? 'cpu' : name));
  if (device) return device;
  throw new CtXaiError('DEVICE', `engine 'onnx' has no device '${name}'.`, {
    hint: `There are: auto, ${DEVICES.map(d => d.name).join(', ')}.`,
  });
}
