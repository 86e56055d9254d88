import { CtXaiError, messageOf } from '../../core/errors.ts';
import { sizeOf } from '../../core/tensor.ts';
import { sizesToTry } from '../shared/common-sizes.ts';
import { inTime, Stuck } from '../shared/in-time.ts';
import { WorkerPool } from '../shared/worker-pool.ts';
import { workerUrl } from '../shared/worker-url.ts';
import type { Shapes } from './network/tfjs-layers.ts';
import type { TfjsProtocol } from './tfjs-messages.ts';

/** Seconds that a model may take, at all sizes together. */
const SECONDS = 300;

/** What a graph model puts out for one image. */
export interface MeasuredOutputs {
  /** [rows, columns]. */
  readonly size: readonly number[];
  /** By the outputs' names, the first axis included, which may count something else than images. */
  readonly shapes: Shapes;
}

/**
 * Runs a graph model on one image, for what its file does not tell.
 * @param names nodes
 * @param image [rows, columns, channels]; null where the file takes any number of rows or columns
 * @throws CtXaiError MODEL where it runs at no common size
 */
export async function runOnce(
  file: string,
  names: readonly string[],
  [rows, columns, channels]: readonly [number | null, number | null, number],
): Promise<MeasuredOutputs> {
  const pool = new WorkerPool<TfjsProtocol>(1, workerUrl(import.meta.url, 'tfjs-worker'), 'TF.js');
  const sizes = sizesToTry([rows, columns]);
  const attempts = async (): Promise<MeasuredOutputs> => {
    const head = { task: 'softmax', values: 'logits' } as const;
    const spec = { file, device: 'wasm', output: names[0]!, withoutActivation: false, head, layers: names };
    await pool.each('start', spec);
    await pool.each('load', spec);
    let failure: unknown;
    let merged: MeasuredOutputs | undefined;
    for (const size of sizes) {
      const shape = [1, ...size, channels];
      try {
        const images = { shape, data: new Float32Array(sizeOf(shape)) };
        const ran = { size, shapes: await pool.one('shapes', { images }) };
        if (Object.values(ran.shapes).every(([first]) => first === 1)) return ran;
        // At another size each image may have a row of its own, which a Reshape to the size of training gives.
        merged ??= ran;
      } catch (error) {
        failure ??= error;
      }
    }
    if (merged) return merged;
    throw doesNotRun(file, sizes, failure);
  };
  try {
    const found = await inTime(attempts(), `${file}: running it once in TF.js`, SECONDS);
    await pool.close();
    return found;
  } catch (error) {
    await (error instanceof Stuck ? pool.end() : pool.close());
    throw error;
  }
}

/** What is supported, where a file may be something else. */
export const SUPPORTED = 'Supported are classifiers: networks that give one row of scores for each image.';

/** An operator whose output is as long as what it finds in the image. */
const FINDING = /node '(.*?)', which has the dynamic op '(.*?)'/;

function doesNotRun(file: string, sizes: readonly (readonly number[])[], failure: unknown): CtXaiError {
  const [, node, operator] = FINDING.exec(messageOf(failure)) ?? [];
  if (node !== undefined) {
    return new CtXaiError(
      'MODEL',
      `${file}: node '${node}' (${operator}) gives as many values as it finds in an image, as detectors do.`,
      { hint: SUPPORTED, cause: failure },
    );
  }
  const tried = sizes.map(size => size.join(' × ')).join(', ');
  return new CtXaiError('MODEL', `${file}: it does not run on an image of ${tried}: ${messageOf(failure)}`, {
    hint: `${SUPPORTED} Of one with another size, write a card (model.yaml) that says it: 'input: { size: … }'.`,
    cause: failure,
  });
}
