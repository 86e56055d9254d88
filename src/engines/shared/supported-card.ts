import type { ModelCard } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';

/** A card that the engines can open: two axes of pixels, a softmax, one sigmoid unit, or a sigmoid for each finding. */
export type SupportedCard = ModelCard & {
  readonly task: 'softmax' | 'sigmoid' | 'multi-label';
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
  if (card.task === 'regression') {
    throw new CtXaiError('CARD', `${card.origin}: task '${card.task}' is not supported.`, {
      hint: "Supported are 'softmax', 'sigmoid' and 'multi-label'.",
    });
  }
  return card as SupportedCard;
}
