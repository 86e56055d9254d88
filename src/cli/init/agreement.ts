import type { FullClassifier, ModelCard, Sample } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { createRng } from '../../core/rng.ts';
import { auc, rocOrder } from '../../core/statistics/roc.ts';
import { loadImage } from '../../jobs/loaded-image.ts';
import { predictedOf } from '../../jobs/target.ts';

/** How a model's answers agree with the labels of some images. */
export interface LabelAgreement {
  readonly images: number;
  /** Share of images whose label has the highest probability. */
  readonly accuracy: number;
  /** Of two classes: the area under the ROC curve of the second. */
  readonly auc?: number;
}

/** An image's label as the index of a class. */
export interface LabelledSample {
  readonly sample: Sample;
  readonly label: number;
}

/**
 * Scores labelled images as a card prepares them.
 * @returns undefined where no image could be scored
 */
export async function agreementOf(
  model: FullClassifier,
  card: ModelCard,
  samples: readonly LabelledSample[],
  signal: AbortSignal,
): Promise<LabelAgreement | undefined> {
  const images: { data: Float32Array; label: number }[] = [];
  for (const { sample, label } of samples) {
    try {
      const { image } = await loadImage(sample, {
        card,
        baselines: new Map(),
        rng: createRng('init'),
        variantOf: async () => undefined,
        trainingImages: async () => [],
        signal,
      });
      images.push({ data: image.data, label });
    } catch (error) {
      // A damaged image is told of by `check` and `run`.
      if (!(error instanceof CtXaiError)) throw error;
    }
  }
  if (images.length === 0) return undefined;
  const batch = { count: images.length, write: (i: number, out: Float32Array) => out.set(images[i]!.data) };
  const { data, shape } = await model.scores(batch, { as: 'probability', signal });
  const classes = shape[1]!;
  const rows = images.map((_, i) => data.subarray(i * classes, (i + 1) * classes));
  const right = images.filter(({ label }, i) => predictedOf(rows[i]!) === label).length;
  const area =
    classes === 2
      ? auc(
          rocOrder(
            rows.map(row => row[1]!),
            images.map(({ label }) => label === 1),
          ),
        )
      : null;
  return { images: images.length, accuracy: right / images.length, ...(area === null ? {} : { auc: area }) };
}

/** What is compared between ways to prepare images: the area under the ROC curve, else the accuracy. */
export function figureOf({ accuracy, auc }: LabelAgreement): number {
  return auc ?? accuracy;
}
