import type { ModelCard, ModelVariant } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import type { Outline } from './network/outline.ts';

/**
 * The card of a variant that TF.js can run by itself: other weights in a file of the same layers.
 * @param outlineOf reads what a file's model is made of
 * @throws CtXaiError MODEL for the other variants, and where the layers are not those of the original
 */
export async function variantCard(
  card: ModelCard,
  variant: ModelVariant,
  outlineOf: (file: string) => Promise<Outline>,
): Promise<ModelCard> {
  if (variant.kind === 'original') return card;
  if (variant.kind !== 'file') {
    throw new CtXaiError('MODEL', `${card.file}: TF.js has no ${variant.kind} variants of a model.`, {
      hint: "Use 'engine: onnx', which runs the model exported to ONNX and has them.",
    });
  }
  const [ours, theirs] = [await outlineOf(card.file), await outlineOf(variant.file)];
  const shown = ({ steps }: Outline) => steps.map(step => `${step.operator} '${step.name}'`);
  const [a, b] = [shown(ours), shown(theirs)];
  const at = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => i).find(i => a[i] !== b[i]);
  if (at === undefined && String(ours.inputShape) === String(theirs.inputShape)) return { ...card, file: variant.file };
  const what =
    at === undefined
      ? `it takes [${theirs.inputShape}]`
      : `layer ${at + 1} is ${b[at] ?? 'missing'}, there ${a[at] ?? 'none'}`;
  throw new CtXaiError('MODEL', `${variant.file}: it is not the original network (${card.file}): ${what}.`, {
    hint: 'A variant of weights has the same layers with the same names.',
  });
}
