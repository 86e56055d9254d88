import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelCard } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { planar } from '../../../core/tensor.ts';
import { readRegularSync } from '../../../files/regular.ts';
import { decodeModel } from '../../onnx/graph/proto.ts';
import { onnxEngine } from '../../onnx/onnx-engine.ts';
import { apart, measured, noiseImages } from '../export/compare-scores.ts';
import { tfjsEngine } from '../tfjs-engine.ts';
import { layersModelOf, WEIGHTS_FILE } from './write-model.ts';

/** How far logits of the two forms may be apart on noise, relative to the largest. */
export const TWIN_TOLERANCE = 1e-5;

const IMAGES = 4;

export interface TwinOptions {
  /** The folder that is written, all of it; one that is there is replaced. */
  readonly folder: string;
  /** The text of its model.yaml. */
  readonly card: string;
  /** Who writes it, for the file. */
  readonly by: string;
}

/**
 * Writes a model that `ct-xai train` has made a second time, as a layers model with the same weights, once both have
 * been seen to give the same logits.
 * @param card the ONNX model's
 * @returns the largest difference, relative to the largest logit
 * @throws CtXaiError MODEL where the two differ; OPERATOR where training has not made the model.
 */
export async function writeTwin(card: ModelCard, { folder, card: text, by }: TwinOptions): Promise<number> {
  const model = layersModelOf(decodeModel(readRegularSync(card.file), { name: card.file }), by);
  const partial = `${folder}.${randomBytes(4).toString('hex')}`;
  await mkdir(partial, { recursive: true });
  try {
    await writeFile(join(partial, WEIGHTS_FILE), model.weights);
    await writeFile(join(partial, 'model.json'), model.json);
    await writeFile(join(partial, 'model.yaml'), text);
    const difference = await compareTwin(card, join(partial, 'model.json'));
    await rm(folder, { recursive: true, force: true });
    await rename(partial, folder);
    return difference;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** @throws CtXaiError MODEL where logits are further apart than allowed */
export async function compareTwin(card: ModelCard, file: string): Promise<number> {
  const { size, channels } = card.input;
  const twin: ModelCard = { ...card, file, format: 'tfjs', input: { size, channels, layout: 'NHWC' } };
  const images = noiseImages(IMAGES, [...planar(size), channels], ['unit', 'normal']);
  const onnx = await measured(await onnxEngine.open(card, { device: 'cpu' }), images);
  const tfjs = await measured(await tfjsEngine.open(twin, { device: 'wasm' }), images);
  const difference = apart(onnx.scores, tfjs.scores);
  if (difference <= TWIN_TOLERANCE) return difference;
  throw new CtXaiError(
    'MODEL',
    `${card.file}: written for TF.js its logits differ by ${difference.toExponential(1)} of the largest; ` +
      `${TWIN_TOLERANCE} is allowed.`,
    { hint: 'The ONNX file is sound and can be used; please report this.' },
  );
}
