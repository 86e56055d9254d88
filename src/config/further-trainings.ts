import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { FurtherTraining, ModelCard } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { FURTHER_TRAININGS } from './further-training-names.ts';
import { fileDigest } from './model-digest.ts';

/** Beside a model's file: what `ct-xai train --further` made of it. */
export const FURTHER_FILE = 'further-trainings.json';

/** A copy that was trained on masks must predict as well as the model, but for this much of the AUC. */
const MOST_FALL = 0.02;

const entry = z.object({
  training: z.enum(FURTHER_TRAININGS),
  /** Relative to the folder of the file that lists it. */
  file: z.string().min(1),
  /** SHA-256 of the model's file that it belongs to, and of its own. */
  model: z.string(),
  digest: z.string(),
  /** On the test images, of this training and of the model; absent where there is none. */
  auc: z.number().optional(),
  modelAuc: z.number().optional(),
  /** What the training took. */
  seconds: z.number(),
});

export type FurtherEntry = z.output<typeof entry>;

/** Further trainings that a folder lists; none where there is no list, or it is damaged. */
export async function furtherTrainings(folder: string): Promise<readonly FurtherEntry[]> {
  const text = await readFile(join(folder, FURTHER_FILE), 'utf8').catch(() => '[]');
  try {
    return z.array(entry).parse(JSON.parse(text));
  } catch {
    return [];
  }
}

/**
 * The file of weights of a further training of a model.
 * @throws CtXaiError MODEL where there is none for these weights, it was changed, or it predicts too badly
 */
export async function furtherTraining(card: ModelCard, training: FurtherTraining): Promise<string> {
  const folder = dirname(card.file);
  const refuse = (why: string) => new CtXaiError('MODEL', `${why} (${training}); ${HOW[training]}`);
  const listed = (await furtherTrainings(folder)).filter(e => e.training === training);
  if (listed.length === 0) throw refuse('there is no such further training beside the model');
  const model = await fileDigest(card.file);
  const own = listed.find(e => e.model === model);
  if (!own) throw refuse('the further training beside the model is of other weights than these');
  const file = join(folder, own.file);
  const found = await fileDigest(file).catch(() => undefined);
  if (found !== own.digest) throw refuse(`${own.file} is gone or was changed since it was trained`);
  const { auc, modelAuc } = own;
  if (training === 'masked' && auc !== undefined && modelAuc !== undefined && modelAuc - auc > MOST_FALL) {
    throw new CtXaiError(
      'MODEL',
      `the copy trained on masks has an AUC of ${auc.toFixed(3)} on the test images, more than ${MOST_FALL} below the ` +
        `${modelAuc.toFixed(3)} of the model, so that it does not stand for it. It was trained on for a third of the ` +
        'model’s epochs: more --epochs, or more test images for a surer AUC, may help.',
    );
  }
  return file;
}

const AGAIN = '`ct-xai train` with the settings of the model and --further makes it';
const HOW: Readonly<Record<FurtherTraining, string>> = {
  masked: `${AGAIN}; for a model trained elsewhere: the same weights trained on with random patches on the baseline`,
  'shuffled-labels': `${AGAIN}; for a model trained elsewhere: the same training with the labels in a random order`,
  'seed-2': `${AGAIN}; for a model trained elsewhere: the same training from other random numbers`,
  'seed-3': `${AGAIN}; for a model trained elsewhere: the same training from other random numbers`,
};
