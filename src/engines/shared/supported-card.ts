import type { ModelCard } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';

/** A card that the engines can open: two axes of pixels. */
export type SupportedCard = ModelCard & {
  readonly input: ModelCard['input'] & { readonly size: readonly [number, number] };
};

/** @throws CtXaiError CARD where the engines have no support for it. */
export function supportedCard(card: ModelCard): SupportedCard {
  const { size } = card.input;
  if (size.length !== 2) {
    throw new CtXaiError('CARD', `${card.origin}: input.size has ${size.length} axes, [${size.join(', ')}].`, {
      hint: 'Models of two-dimensional images, [rows, columns], are supported.',
    });
  }
  return card as SupportedCard;
}
