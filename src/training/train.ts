import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ModelCard } from '../core/contracts/index.ts';
import type { LogitCalibration, Trainer, TrainerFactory } from '../core/contracts/training.ts';
import { CtXaiError } from '../core/errors.ts';
import type { Performance } from '../core/statistics/performance.ts';
import { orderOf, stepsPerEpoch, trainBatch } from './batches.ts';
import { type Checkpoint, readCheckpoint, writeCheckpoint } from './checkpoint.ts';
import { calibrate, calibrated, figures, logitsOf, negativeLogLikelihood } from './evaluate.ts';
import type { ImageSet } from './images.ts';
import type { Split } from './splits.ts';
import type { EpochRecord, TrainEvent } from './training-events.ts';
import { cardOf, planDigest, rateAt, type TrainPlan } from './training-plan.ts';

export const CHECKPOINT = 'checkpoint.bin';

export interface TrainOptions {
  /** Folder of the checkpoint. */
  readonly dir: string;
  readonly createTrainer: TrainerFactory;
  readonly sets: Readonly<Record<Split, ImageSet>>;
  /** The ONNX file whose weights the network starts from, if the plan has one. */
  readonly start?: string | undefined;
  /** Drop a checkpoint of another plan, or of this one. */
  readonly fresh?: boolean;
  readonly signal?: AbortSignal | undefined;
  readonly onEvent?: (event: TrainEvent) => void;
  /** Seconds between checkpoints within an epoch; there is one after each epoch too. Default 60. */
  readonly checkpointSeconds?: number;
  /** Seconds on a clock. */
  readonly now: () => number;
}

export interface Trained {
  /** The shipped model. */
  readonly bytes: Uint8Array;
  readonly camLayer: string;
  readonly parameters: number;
  readonly history: readonly EpochRecord[];
  /** The epoch whose weights were kept. */
  readonly best: number;
  /** Fitted on the validation images, and part of the shipped weights. */
  readonly calibration: LogitCalibration;
  readonly validation: Performance;
  readonly test: Performance;
  readonly seconds: number;
}

/**
 * Trains, keeps the weights of the epoch with the best validation AUC, calibrates on the validation images and
 * measures once on the test images. Goes on from the folder's checkpoint; the result is that of a training without a
 * break, bit for bit on the same machine.
 * @throws CtXaiError RUN_FOLDER if the checkpoint is another plan's; INTERRUPTED when the signal aborts.
 */
export async function train(plan: TrainPlan, options: TrainOptions): Promise<Trained> {
  const { dir, sets, createTrainer } = options;
  await mkdir(dir, { recursive: true });
  const path = join(dir, CHECKPOINT);
  if (options.fresh) await rm(path, { force: true });
  const found = await readCheckpoint(path);
  const digest = planDigest(plan);
  if (found && found.plan !== digest) {
    throw new CtXaiError('RUN_FOLDER', `${dir} holds a training that was begun with other settings or data.`, {
      hint: 'Give the same settings to go on with it, another --out, or --fresh to drop it.',
    });
  }
  const { size, channels } = plan.input;
  const { architecture, width, seed } = plan;
  const trainer = await createTrainer(
    {
      architecture,
      width,
      seed,
      size,
      channels,
      classes: plan.classes.length,
      ...(options.start === undefined ? {} : { start: options.start }),
    },
    plan.optimiser,
  );
  try {
    options.onEvent?.({
      kind: 'start',
      dir,
      parameters: trainer.parameters,
      epochs: plan.epochs,
      images: { train: sets.train.count, val: sets.val.count, test: sets.test.count },
      ...(found ? { resumed: found.history.length } : {}),
    });
    const card = cardOf(plan, join(dir, 'model.onnx'));
    const end = await new Training(plan, { ...options, trainer, card, path, digest }).run(found);
    return await finish(trainer, card, sets, end);
  } finally {
    await trainer.close();
  }
}

interface End {
  readonly best: NonNullable<Checkpoint['best']>;
  readonly history: readonly EpochRecord[];
  readonly seconds: number;
}

async function finish(
  trainer: Trainer,
  card: ModelCard,
  sets: Readonly<Record<Split, ImageSet>>,
  { best, history, seconds }: End,
): Promise<Trained> {
  trainer.restore(best.state);
  const validation = await logitsOf(trainer, sets.val, card);
  const calibration = calibrate(validation, sets.val.labels);
  const test = await logitsOf(trainer, sets.test, card);
  return {
    bytes: trainer.export(calibration),
    camLayer: trainer.camLayer,
    parameters: trainer.parameters,
    history,
    best: best.epoch,
    calibration,
    validation: figures(calibrated(validation, calibration), sets.val),
    test: figures(calibrated(test, calibration), sets.test),
    seconds,
  };
}

interface Running extends TrainOptions {
  readonly trainer: Trainer;
  readonly card: ModelCard;
  readonly path: string;
  readonly digest: string;
}

/** One training's loop. */
class Training {
  readonly #plan: TrainPlan;
  readonly #o: Running;
  #history: EpochRecord[] = [];
  #best: Checkpoint['best'];
  #before = 0;
  readonly #started: number;
  #saved: number;

  constructor(plan: TrainPlan, options: Running) {
    this.#plan = plan;
    this.#o = options;
    this.#started = options.now();
    this.#saved = this.#started;
  }

  async run(found: Checkpoint | undefined): Promise<End> {
    let at = { epoch: 1, step: 0, loss: 0 };
    if (found) {
      this.#o.trainer.restore(found.now);
      this.#history = [...found.history];
      this.#best = found.best;
      this.#before = found.seconds;
      at = found;
    }
    for (; at.epoch <= this.#plan.epochs && !this.#stopped(); at = { epoch: at.epoch + 1, step: 0, loss: 0 }) {
      const loss = await this.#epoch(at);
      await this.#validate(at.epoch, loss);
      await this.#save({ epoch: at.epoch + 1, step: 0, loss: 0 });
    }
    return { best: this.#best!, history: this.#history, seconds: this.#seconds() };
  }

  /** @returns the mean loss */
  async #epoch(from: { epoch: number; step: number; loss: number }): Promise<number> {
    const { sets, card, trainer, signal, onEvent, now, checkpointSeconds = 60 } = this.#o;
    const { epoch } = from;
    const steps = stepsPerEpoch(this.#plan, sets.train.count);
    const order = orderOf(this.#plan, sets.train.count, epoch);
    const batch = (step: number) => trainBatch(this.#plan, card, sets.train, { epoch, step, order });
    let { loss } = from;
    let next = from.step < steps ? batch(from.step) : undefined;
    for (let step = from.step; step < steps; step++) {
      const { images, targets } = next!;
      const running = trainer.step(images, targets, rateAt(this.#plan, epoch - 1 + (step + 1) / steps));
      // The next batch is made while this one is computed.
      next = step + 1 < steps ? batch(step + 1) : undefined;
      loss += (await running).loss;
      onEvent?.({ kind: 'step', epoch, step: step + 1, steps, loss: loss / (step + 1) });
      const interrupted = signal?.aborted === true;
      if (interrupted || now() - this.#saved > checkpointSeconds) await this.#save({ epoch, step: step + 1, loss });
      if (interrupted) throw new CtXaiError('INTERRUPTED', 'the training was interrupted; the same command goes on.');
    }
    return loss / steps;
  }

  async #validate(epoch: number, loss: number): Promise<void> {
    const { sets, card, trainer, onEvent } = this.#o;
    const logits = await logitsOf(trainer, sets.val, card);
    const measured = figures(logits, sets.val, { resamples: 0 });
    const record: EpochRecord = {
      epoch,
      loss,
      validationLoss: negativeLogLikelihood(logits, sets.val.labels),
      validationAuc: measured.auc.value,
      validationAccuracy: measured.accuracy.value ?? 0,
      rate: rateAt(this.#plan, epoch),
    };
    this.#history.push(record);
    const best = isBetter(this.#history, this.#best?.epoch, this.#plan.smooth ?? 1);
    if (best) this.#best = { epoch, state: trainer.state() };
    onEvent?.({ kind: 'epoch', record, best });
  }

  #stopped(): boolean {
    return this.#best !== undefined && this.#history.length - this.#best.epoch >= this.#plan.patience;
  }

  #seconds(): number {
    return this.#before + this.#o.now() - this.#started;
  }

  async #save(at: { epoch: number; step: number; loss: number }): Promise<void> {
    const { path, digest, trainer, now } = this.#o;
    await writeCheckpoint(path, {
      plan: digest,
      ...at,
      history: this.#history,
      seconds: this.#seconds(),
      now: trainer.state(),
      best: this.#best,
    });
    this.#saved = now();
  }
}

/**
 * Whether the last epoch is better than the one held: by the AUC averaged over the `smooth` epochs up to it, then by
 * loss. With few validation images one epoch's AUC is mostly luck, and an early epoch's luck would win. Epochs that have
 * not as many before them count only among themselves, the last of them best.
 */
function isBetter(history: readonly EpochRecord[], held: number | undefined, smooth: number): boolean {
  const now = history.at(-1)!;
  if (held === undefined || held < smooth) return true;
  const auc = (epoch: number): number => {
    const last = history.filter(r => r.epoch > epoch - smooth && r.epoch <= epoch);
    return last.reduce((sum, r) => sum + (r.validationAuc ?? 0), 0) / last.length;
  };
  const [a, b] = [auc(now.epoch), auc(held)];
  return a > b || (a === b && now.validationLoss < history.find(r => r.epoch === held)!.validationLoss);
}
