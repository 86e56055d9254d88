import { z } from 'zod';
import { CtXaiError } from '../../core/errors.ts';

/** Pixels that an image may have: 8192 × 8192. A file of some kilobytes can hold far more, and fill the memory. */
export const MOST_PIXELS = 2 ** 26;

/** The option of readers. */
export const maxPixels = z
  .int()
  .positive()
  .default(MOST_PIXELS)
  .describe('Pixels that an image may have; larger ones fail. Default: 8192 × 8192.');

/** @throws CtXaiError IMAGE where an image has more pixels than are read */
export function refuseLarge([rows, columns]: readonly number[], most: number, where: string): void {
  if (rows! * columns! <= most) return;
  const size = `${columns} × ${rows} pixels; at most ${most.toLocaleString('en')} are read`;
  throw new CtXaiError('IMAGE', `${where}: it has ${size}.`, {
    hint: "CT slices have 512 × 512. If the image is meant, set the data's 'maxPixels'.",
  });
}
