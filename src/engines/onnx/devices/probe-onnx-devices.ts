import type { DeviceReport, FullClassifier, ModelCard, OpenOptions } from '../../../core/contracts/index.ts';
import { attr, constant, DType, type Graph, GraphBuilder } from '../graph/graph.ts';
import { DEVICES, type OnnxDevice } from './onnx-devices.ts';

type OpenOnnx = (card: ModelCard, options: OpenOptions, graphOf: () => Promise<Graph>) => Promise<FullClassifier>;

/** Pixels of a side of the probe's images. */
export const SIZE = 8;

/**
 * Each device with the proof that it works, or why it does not: a small network is run on it, forwards and backwards,
 * and its numbers are compared with those of plain arithmetic.
 */
export async function probeDevices(version: string, open: OpenOnnx): Promise<DeviceReport[]> {
  const reports: DeviceReport[] = [];
  for (const device of DEVICES) reports.push(await probeDevice(device, version, open));
  return reports;
}

async function probeDevice(device: OnnxDevice, version: string, open: OpenOnnx): Promise<DeviceReport> {
  const about = { engine: 'onnx', version, device: device.name };
  let model: FullClassifier | undefined;
  try {
    const options = { device: device.name, threads: 1, workers: 1, microBatch: 1 };
    model = await open(probeCard(), options, async () => probeGraph());
    const error = await deviation(model);
    if (error < 1e-4) {
      const { deviceName } = model.runtime;
      const name = deviceName === undefined ? '' : `${deviceName}: `;
      const detail = `${name}a forward and a backward pass gave the right numbers.${remark(device)}`;
      return { ...about, state: 'works', detail };
    }
    return {
      ...about,
      state: 'fails',
      detail: `its numbers are off by ${error.toExponential(1)}.`,
      hint: device.hint,
    };
  } catch (error) {
    const detail = error instanceof Error ? error.message.trim() : String(error);
    return { ...about, state: 'missing', detail, hint: device.hint };
  } finally {
    await model?.close();
  }
}

/** What a report should say of a device that works. */
function remark(device: OnnxDevice): string {
  if (device.provider !== 'webgpu') return '';
  const driver = process.env.VK_DRIVER_FILES ?? process.env.VK_ICD_FILENAMES;
  const software = driver !== undefined && /swiftshader|lvp|lavapipe|llvmpipe/i.test(driver);
  return (
    (software ? ` It is a GPU in software: ${driver}.` : '') +
    ' ONNX Runtime does not tell whether it is a real GPU, so device: auto leaves it alone.'
  );
}

/** Scores are these times the mean of the image's positive values. */
export const WEIGHTS = [0.5, -1];

/** Scores w_c · mean(relu(x)), as a network would write them. */
function probeGraph(): Graph {
  const b = new GraphBuilder({ opset: 20 });
  const x = 'image';
  const kernel = b.constant(constant.float([1, 1, 3, 3], [0, 0, 0, 0, 1, 0, 0, 0, 0]));
  const y = b.op('Relu', [b.op('Conv', [x, kernel], { pads: attr.ints([1, 1, 1, 1]) })]);
  const pooled = b.op('Flatten', [b.op('GlobalAveragePool', [y])]);
  const scores = b.op('MatMul', [pooled, b.constant(constant.float([1, 2], WEIGHTS))]);
  return {
    opset: 20,
    nodes: b.nodes,
    constants: b.constants,
    inputs: [{ name: x, dtype: DType.float, dims: [null, 1, SIZE, SIZE] }],
    outputs: [{ name: scores, dtype: DType.float, dims: [null, 2] }],
  };
}

export function probeCard(): ModelCard {
  return {
    id: 'probe',
    file: 'probe',
    origin: 'probe',
    format: 'onnx',
    task: 'softmax',
    emits: 'logits',
    explainAt: 'logits',
    classes: ['a', 'b'],
    input: { size: [SIZE, SIZE], channels: 1, layout: 'NCHW' },
    intensity: { unit: 'grey', window: [0, 255], air: 0, steps: [] },
    resize: { antialias: true, fit: 'stretch' },
  };
}

/** The largest difference of scores and gradients from what they must be. */
export async function deviation(model: FullClassifier): Promise<number> {
  const n = SIZE * SIZE;
  const image = Float32Array.from({ length: n }, (_, i) => Math.cos(i));
  const batch = { count: 1, write: (_: number, out: Float32Array) => out.set(image) };
  const mean = image.reduce((sum, v) => sum + Math.max(0, v), 0) / n;
  let worst = 0;
  const compare = (got: number, want: number) => {
    // Not Math.max, which a NaN must not slip through.
    if (!(Math.abs(got - want) <= worst)) worst = Math.abs(got - want);
  };
  const scores = await model.scores(batch, { as: 'logit' });
  WEIGHTS.forEach((w, c) => {
    compare(scores.data[c]!, w * mean);
  });
  await model.gradients(batch, { class: 1, score: 'margin' }, (_, gradient) => {
    const slope = (WEIGHTS[1]! - WEIGHTS[0]!) / n;
    image.forEach((v, i) => {
      compare(gradient[i]! * n, v > 0 ? slope * n : 0);
    });
  });
  return worst;
}
