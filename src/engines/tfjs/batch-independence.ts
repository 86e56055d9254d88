import { CtXaiError } from '../../core/errors.ts';
import { probeImages } from '../shared/probe-images.ts';
import type { SupportedCard } from '../shared/supported-card.ts';
import type { TfjsExecutor } from './tfjs-executor.ts';

/** A batch of the same size beside other images rounds the same way; GPUs may not quite. */
const UNMOVED = 1e-4;
/** Passes of one image may differ by rounding, but not by this share of the largest score. */
const REPEATS = 1e-3;

/**
 * How far an image's scores move, as a share of the largest, when the other image of its batch is replaced by one of a
 * hundredfold contrast; 0 where they stay.
 * @param runner takes batches of two
 * @throws CtXaiError MODEL where the same batch gets other scores in another pass.
 */
export async function movedByNeighbours(runner: TfjsExecutor, card: SupportedCard): Promise<number> {
  const [image, other] = probeImages(card) as [Float32Array, Float32Array];
  const beside = async (neighbour: Float32Array): Promise<Float32Array> => {
    const images = [image, neighbour];
    let found = new Float32Array();
    await runner.forward({ count: 2, write: (i, out) => out.set(images[i]!) }, (i, raw) => {
      if (i === 0) found = raw.slice();
    });
    return found;
  };
  const first = await beside(other);
  const scale = first.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-6);
  const difference = (row: Float32Array) => {
    const most = row.reduce(
      (m, v, k) => (Object.is(v, first[k]) ? m : Math.max(m, Math.abs(v - first[k]!) || Infinity)),
      0,
    );
    return most / scale;
  };
  const repeated = difference(await beside(other));
  if (repeated > REPEATS) {
    throw new CtXaiError(
      'MODEL',
      `${card.file}: the same images get other scores in each pass (they differ by ${percent(repeated)} of the largest score).`,
      { hint: 'Save the model for inference, without layers that draw random numbers.' },
    );
  }
  const moved = difference(await beside(other.map(v => 100 * v)));
  return moved > UNMOVED ? moved : 0;
}

/** What a report says of images that change each other. */
export function mixingNote(moved: number): string {
  return (
    `in this model images of one batch change each other's scores, by up to ${percent(moved)} of the largest score: ` +
    'each image is run in a batch of its own'
  );
}

const percent = (share: number) => `${Number((100 * share).toPrecision(2))} %`;
