import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { CtXaiError } from '../../../core/errors.ts';
import { chooseGpu, visibleGpus } from '../../shared/nvidia.ts';

export interface OnnxDevice {
  /** As suites name it; one of several of a kind has its number: `cuda:1`. */
  readonly name: string;
  /** ONNX Runtime's execution provider. */
  readonly provider: string;
  /** What to do where it does not work. */
  readonly hint: string;
  /** CUDA's number of the GPU. */
  readonly deviceId?: number;
  /** As the driver calls it. */
  readonly deviceName?: string;
}

export const DEVICES: readonly OnnxDevice[] = [
  { name: 'cpu', provider: 'cpu', hint: 'Install onnxruntime-node again.' },
  {
    name: 'webgpu',
    provider: 'webgpu',
    hint:
      'It needs a GPU with a Vulkan driver and loader (Linux; Debian: libvulkan1), Direct3D 12 (Windows) or Metal ' +
      '(macOS). Use device: cpu.',
  },
  {
    name: 'cuda',
    provider: 'cuda',
    hint:
      'Install onnxruntime-node with its CUDA provider (ONNXRUNTIME_NODE_INSTALL unset), which needs CUDA 12 and cuDNN 9; ' +
      'or copy libonnxruntime_providers_cuda.so and libonnxruntime_providers_shared.so of the same version, as in ' +
      "PyPI's onnxruntime-gpu (CUDA 13 and cuDNN 9), beside its libonnxruntime.so.1.",
  },
];

/**
 * The device that a suite names. `auto` is the CPU: ONNX Runtime does not tell whether its WebGPU adapter is a GPU or
 * software that pretends to be one, and its CUDA provider has been run on one kind of GPU only.
 * @param name `auto`, `cpu`, `webgpu`, `cuda`, or one of several: `cuda:1`, `cuda:PART OF ITS NAME`
 * @throws CtXaiError DEVICE for one that this engine does not know or can't choose, or that is not installed
 */
export async function selectDevice(name: string): Promise<OnnxDevice> {
  const [kind, ...rest] = name.split(':');
  const device = DEVICES.find(d => d.name === (name === 'auto' ? 'cpu' : kind));
  if (!device || (rest.length > 0 && device.provider === 'cpu')) {
    throw new CtXaiError('DEVICE', `engine 'onnx' has no device '${name}'.`, {
      hint: `There are: auto, ${DEVICES.map(d => d.name).join(', ')}; with several GPUs also cuda:1, cuda:NAME.`,
    });
  }
  requireProvider(device);
  const selector = rest.join(':');
  if (device.provider === 'cuda') return selectCuda(device, rest.length > 0 ? selector : undefined);
  if (rest.length === 0) return device;
  throw new CtXaiError(
    'DEVICE',
    `ONNX Runtime can't be told which GPU to take for WebGPU, so '${name}' is out of reach.`,
    {
      hint:
        "Use device: webgpu, and hide the other GPUs: VK_ICD_FILENAMES or the driver's own variable (Linux), the " +
        "system's graphics settings (Windows). Engine tfjs takes webgpu:NUMBER and webgpu:NAME; cuda:NUMBER works here.",
    },
  );
}

/**
 * @throws CtXaiError DEVICE where ONNX Runtime's library for the device is not installed: asking it to load one that is
 * missing would put its own complaint on the terminal.
 */
function requireProvider(device: OnnxDevice): void {
  if (device.provider !== 'cuda') return;
  const names = { linux: 'libonnxruntime_providers_cuda.so', win32: 'onnxruntime_providers_cuda.dll' };
  const name = names[process.platform as keyof typeof names];
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  const file = join(root, 'bin', 'napi-v6', process.platform, process.arch, name ?? '');
  if (name !== undefined && existsSync(file)) return;
  const why = name === undefined ? `does not exist for ${process.platform}` : 'is not installed';
  throw new CtXaiError('DEVICE', `ONNX Runtime's CUDA provider ${why}.`, { hint: device.hint });
}

async function selectCuda(device: OnnxDevice, selector: string | undefined): Promise<OnnxDevice> {
  // CUDA's own order is by speed; with this one its numbers are nvidia-smi's.
  process.env.CUDA_DEVICE_ORDER ??= 'PCI_BUS_ID';
  // Products of numbers with 10 bits of precision would not be the CPU's.
  process.env.NVIDIA_TF32_OVERRIDE ??= '0';
  const gpus = await visibleGpus(process.env.CUDA_VISIBLE_DEVICES);
  if (selector === undefined) {
    const [first] = gpus;
    return first ? { ...device, deviceName: first.name } : device;
  }
  const { deviceId, name } = chooseGpu(gpus, selector);
  return { ...device, name: `cuda:${deviceId}`, deviceId, ...(name === '' ? {} : { deviceName: name }) };
}
