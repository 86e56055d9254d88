import type { ImageContext } from '../contracts/index.ts';

/** A chest fills the field of view that is taken for granted where the spacing is unknown, mm. */
const FIELD_MM = 350;

/** Millimetres per pixel of each axis; where they are unknown, the longer side is taken for 350 mm. */
export function spacingOrGuess({ spacing, view }: Pick<ImageContext, 'spacing' | 'view'>): readonly number[] {
  const guess = FIELD_MM / Math.max(...view.shape);
  return spacing ?? view.shape.map(() => guess);
}

/**
 * Input values at the ends of the card's window, one pair per channel: where the context does not tell its range, by the
 * straight line through the image as shown and in input space, which is exact as long as the card's steps are linear.
 * Null where the image does not vary, so that nothing tells.
 */
export function windowEnds(
  context: Pick<ImageContext, 'image' | 'view' | 'windowRange'>,
): readonly (readonly [low: number, high: number])[] | null {
  const { image, view, windowRange } = context;
  const count = view.data.length;
  const channels = image.data.length / count;
  const mean = view.data.reduce((a, b) => a + b, 0) / count;
  let variance = 0;
  for (const v of view.data) variance += (v - mean) ** 2;
  if (windowRange === undefined && !(variance > 0)) return null;
  return Array.from({ length: channels }, (_, k) => {
    let [sum, covariance] = [0, 0];
    for (let i = 0; i < count; i++) {
      const value = image.data[i * channels + k]!;
      sum += value;
      covariance += value * (view.data[i]! - mean);
    }
    const range = windowRange?.[k] ?? covariance / variance;
    const low = sum / count - range * mean;
    return [low, low + range];
  });
}
