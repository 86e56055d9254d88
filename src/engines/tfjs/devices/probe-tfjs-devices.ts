import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { version_core } from '@tensorflow/tfjs-core';
import type { DeviceReport, FullClassifier, ModelCard, OpenOptions } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { deviation, probeCard, SIZE, WEIGHTS } from '../../onnx/devices/probe-onnx-devices.ts';
import { DEVICES, type TfjsDevice } from './tfjs-devices.ts';

type OpenTfjs = (card: ModelCard, options: OpenOptions) => Promise<FullClassifier>;

/**
 * Each device with the proof that it works, or why it does not: a small network is run on it, forwards and backwards,
 * and its numbers are compared with those of plain arithmetic.
 */
export async function probeDevices(open: OpenTfjs): Promise<DeviceReport[]> {
  const folder = mkdtempSync(join(tmpdir(), 'ct-xai-probe-'));
  try {
    const file = join(folder, 'model.json');
    writeFileSync(file, JSON.stringify(probeModel()));
    writeFileSync(
      join(folder, 'weights.bin'),
      Buffer.from(Float32Array.of(0, 0, 0, 0, 1, 0, 0, 0, 0, ...WEIGHTS).buffer),
    );
    const reports: DeviceReport[] = [];
    for (const device of DEVICES) reports.push(await probeDevice(device, cardOf(file), open));
    return reports;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function probeDevice(device: TfjsDevice, card: ModelCard, open: OpenTfjs): Promise<DeviceReport> {
  const about = { engine: 'tfjs', version: version_core, device: device.name };
  const untried = device.tried ? '' : ' Written, but never run by its authors.';
  let model: FullClassifier | undefined;
  try {
    model = await open(card, { device: device.name, threads: 1, workers: 1, microBatch: 1 });
    const error = await deviation(model);
    const { deviceName } = model.runtime;
    const on = deviceName === undefined ? '' : ` (${deviceName})`;
    if (error < 1e-4) {
      return { ...about, state: 'works', detail: `a forward and a backward pass gave the right numbers${on}.` };
    }
    const detail = `its numbers are off by ${error.toExponential(1)}.${untried}`;
    return { ...about, state: 'fails', detail, hint: device.hint };
  } catch (error) {
    const missing = error instanceof CtXaiError && error.code === 'DEVICE';
    const detail = `${error instanceof Error ? error.message.trim() : String(error)}${untried}`;
    const state = missing ? (device.tried ? 'missing' : 'never-run') : 'fails';
    return { ...about, state, detail, hint: device.hint };
  } finally {
    await model?.close();
  }
}

/** Scores w_c · mean(relu(conv(x))), the convolution an identity. */
function probeModel(): object {
  const layers = [
    ['Conv2D', { name: 'conv', filters: 1, kernel_size: 3, padding: 'same', activation: 'relu', use_bias: false }],
    ['GlobalAveragePooling2D', { name: 'mean' }],
    ['Dense', { name: 'scores', units: 2, use_bias: false }],
  ] as const;
  const input = { batch_input_shape: [null, SIZE, SIZE, 1] };
  const list = layers.map(([class_name, config], i) => ({
    class_name,
    config: { ...(i === 0 ? input : {}), ...config },
  }));
  const weights = [
    { name: 'conv/kernel', shape: [3, 3, 1, 1], dtype: 'float32' },
    { name: 'scores/kernel', shape: [1, 2], dtype: 'float32' },
  ];
  return {
    format: 'layers-model',
    modelTopology: { class_name: 'Sequential', config: { name: 'probe', layers: list } },
    weightsManifest: [{ paths: ['weights.bin'], weights }],
  };
}

function cardOf(file: string): ModelCard {
  const card = probeCard();
  return { ...card, file, origin: file, format: 'tfjs', input: { ...card.input, layout: 'NHWC' } };
}
