import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { FURTHER_FILE, type FurtherEntry, furtherTrainings } from '../../config/further-trainings.ts';
import { fileDigest } from '../../config/model-digest.ts';
import type { FurtherTraining } from '../../core/contracts/index.ts';
import { createRng } from '../../core/rng.ts';
import { writeAtomic } from '../../results/files.ts';
import type { ImageSet } from '../../training/images.ts';
import type { Split } from '../../training/splits.ts';
import { type TrainOptions, train } from '../../training/train.ts';
import { planDigest, type TrainPlan } from '../../training/training-plan.ts';
import { type Provenance, writeTrained } from '../../training/write.ts';
import { duration, print } from '../shared/output.ts';

/** Share of an image that masks hide at most: as much as f-fidelity removes. */
const MASKED = 0.1;

export interface FurtherOptions extends Omit<TrainOptions, 'dir' | 'start'> {
  /** The folder of the model, which is finished. */
  readonly dir: string;
  readonly by: Provenance;
}

/** Trains what metrics ask for of a trained model into folders beside it, and lists it with digests and what it took. */
export async function trainFurther(
  plan: TrainPlan,
  wanted: readonly FurtherTraining[],
  { dir, by, ...options }: FurtherOptions,
): Promise<void> {
  const model = join(dir, 'model.onnx');
  const digest = await fileDigest(model);
  for (const training of new Set(wanted)) {
    const other = furtherPlan(plan, training, digest);
    const folder = join(dir, 'further', training);
    await mkdir(folder, { recursive: true });
    if (!(await isDone(folder, other))) {
      const sets = training === 'shuffled-labels' ? shuffledLabels(options.sets, plan.seed) : options.sets;
      const start = training === 'masked' ? { start: model } : {};
      const trained = await train(other, { ...options, ...start, sets, dir: folder });
      await writeTrained(folder, other, trained, by);
    }
    const entry = await entryOf(dir, training, digest);
    const others = (await furtherTrainings(dir)).filter(e => e.training !== training);
    await writeAtomic(join(dir, FURTHER_FILE), `${JSON.stringify([...others, entry], null, 1)}\n`);
    const auc = entry.auc === undefined ? '' : `, AUC ${entry.auc.toFixed(3)} on the test images`;
    print(`${join('further', training)}: ${duration(entry.seconds)} of training${auc}`);
  }
}

/** The model's own training, with what makes it another. */
export function furtherPlan(plan: TrainPlan, training: FurtherTraining, digest: string): TrainPlan {
  switch (training) {
    case 'masked': {
      const epochs = Math.max(1, Math.ceil(plan.epochs / 3));
      return { ...plan, masks: MASKED, start: { name: 'the model', digest }, epochs, rate: plan.rate / 10 };
    }
    case 'shuffled-labels':
      // Nothing can be validated, so that the last epoch is taken.
      return { ...plan, shuffledLabels: true, smooth: plan.epochs, patience: plan.epochs };
    default:
      return { ...plan, seed: `${plan.seed}, ${training}` };
  }
}

/** Training and validation images with their labels in a random order. */
function shuffledLabels(sets: FurtherOptions['sets'], seed: TrainPlan['seed']): Readonly<Record<Split, ImageSet>> {
  const shuffled = (split: 'train' | 'val'): ImageSet => {
    const labels = createRng(seed)
      .fork('shuffled labels', split)
      .shuffle([...sets[split].labels]);
    return { ...sets[split], labels };
  };
  return { ...sets, train: shuffled('train'), val: shuffled('val') };
}

async function isDone(folder: string, plan: TrainPlan): Promise<boolean> {
  const path = join(folder, 'training.json');
  if (!existsSync(path)) return false;
  return (JSON.parse(await readFile(path, 'utf8')) as { digest: string }).digest === planDigest(plan);
}

async function entryOf(dir: string, training: FurtherTraining, model: string): Promise<FurtherEntry> {
  const file = join('further', training, 'model.onnx');
  const [own, original] = await Promise.all([figuresIn(join(dir, 'further', training)), figuresIn(dir)]);
  return {
    ...{ training, file, model, digest: await fileDigest(join(dir, file)) },
    ...(own.auc === undefined ? {} : { auc: own.auc }),
    ...(original.auc === undefined ? {} : { modelAuc: original.auc }),
    seconds: own.seconds,
  };
}

async function figuresIn(folder: string): Promise<{ readonly auc?: number; readonly seconds: number }> {
  const { test, seconds } = JSON.parse(await readFile(join(folder, 'training.json'), 'utf8')) as {
    readonly test: { readonly auc: { readonly value: number | null } };
    readonly seconds: number;
  };
  return { seconds, ...(test.auc.value === null ? {} : { auc: test.auc.value }) };
}
