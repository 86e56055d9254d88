import type { ModelCard } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { filled, type Tensor } from '../../../core/tensor.ts';

/** One value in Hounsfield units everywhere. @throws CtXaiError BASELINE where the model sees grey levels */
export function constantHu(image: Tensor, card: ModelCard, hu: number): Tensor {
  requireHu(card);
  return filled(image.shape, hu);
}

/** @throws CtXaiError BASELINE where the model sees grey levels */
export function requireHu({ id, intensity }: ModelCard): void {
  if (intensity.unit === 'HU') return;
  throw new CtXaiError('BASELINE', `this baseline is defined in Hounsfield units, and '${id}' sees grey levels.`, {
    hint: "Take 'window-mean', 'blur' or 'inpaint', which need no unit.",
  });
}
