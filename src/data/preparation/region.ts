import type { ModelCard, Source } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { componentsOf } from '../../core/image/components.ts';
import { bodyOf, lungMask } from '../../core/image/lungs.ts';
import { sidesOf } from '../../core/image/sides.ts';
import { planar, type Tensor } from '../../core/tensor.ts';
import type { Box } from './geometry.ts';
import { windowed } from './intensity.ts';

/** A smaller share of the slice is a table without a patient, or an airway without a lung. */
const LEAST_SHARE = { body: 0.05, lungs: 0.01 } as const;

/**
 * The card's region of a slice, with its margin, as far as the slice reaches. The body is its largest part, so that the
 * table stays outside where air lies between them. The lungs are those of the data's own mask, where there is one.
 * @throws CtXaiError IMAGE where it is not found
 */
export function regionOf(
  { pixels, spacing }: Pick<Source, 'pixels' | 'spacing'>,
  card: Pick<ModelCard, 'id' | 'intensity' | 'resize'>,
  where: string,
  lung?: Tensor,
): Box {
  const { region = 'body', margin = 0 } = card.resize;
  const [height, width] = planar(pixels.shape);
  const sides = sidesOf(pixels, spacing);
  const found = region === 'lungs' ? insideOf(lung ?? lungMask(pixels, sides)) : bodyIn(pixels, card);
  if (found.length < LEAST_SHARE[region] * height * width) {
    throw new CtXaiError(
      'IMAGE',
      `found no ${region} in ${where}; the model '${card.id}' looks at the ${region} only.`,
      {
        hint: "Leave such slices out of the data, or take 'region' out of the card's resize.",
      },
    );
  }
  let [top, bottom, left, right] = [height, 0, width, 0];
  for (const i of found) {
    const [row, column] = [Math.floor(i / width), i % width];
    [top, bottom] = [Math.min(top, row), Math.max(bottom, row + 1)];
    [left, right] = [Math.min(left, column), Math.max(right, column + 1)];
  }
  const [rows, columns] = sides.map(mm => Math.round(margin / mm)) as [number, number];
  [top, bottom] = [Math.max(0, top - rows), Math.min(height, bottom + rows)];
  [left, right] = [Math.max(0, left - columns), Math.min(width, right + columns)];
  return { top, left, height: bottom - top, width: right - left };
}

function insideOf(mask: Tensor): readonly number[] {
  const places: number[] = [];
  mask.data.forEach((v, i) => {
    if (v) places.push(i);
  });
  return places;
}

function bodyIn(pixels: Tensor, card: Pick<ModelCard, 'intensity'>): readonly number[] {
  const parts = componentsOf(bodyOf(pixels, card.intensity.unit, () => windowed(card, pixels)));
  return parts.reduce<readonly number[]>((best, part) => (part.length > best.length ? part : best), []);
}
