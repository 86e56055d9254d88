import type {
  Batch,
  Engine,
  FullClassifier,
  ModelCard,
  OpenOptions,
  ScoreKind,
  Target,
} from '../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../core/errors.ts';
import { sizeOf, type Tensor } from '../core/tensor.ts';
import { ensure } from './conformance-check.ts';

/** A model that an engine must run as every other engine does, and on which device. */
export interface EngineCase {
  readonly device: string;
  readonly card: ModelCard;
  /** [n, h, w, c], n ≥ 3, in input space. */
  readonly images: Tensor;
  /** The same network by formula, where there is one: scores, gradients and layers are compared with it. */
  readonly reference?: FullClassifier;
  /** Largest relative difference of scores between settings. Default: 1e-5. */
  readonly tolerance?: number;
  /** Step of the finite differences, in units of the input. Default: 0.02. */
  readonly step?: number;
  /** How many workers it runs on when told to use two. Default: 2. */
  readonly workers?: number;
  /** How many threads it takes when told to use one. Default: 1. */
  readonly threads?: number;
}

export const KINDS: readonly ScoreKind[] = ['logit', 'margin', 'probability'];

/** What the checks of an engine share: the opened model, its images, and how numbers are compared. */
export class EngineSubject {
  readonly engine: Engine;
  readonly given: EngineCase;
  readonly name: string;
  readonly classes: number;
  readonly count: number;
  /** [h, w, c] */
  readonly shape: readonly number[];
  readonly tolerance: number;
  readonly step: number;
  readonly all: Batch;
  #model: Promise<FullClassifier> | undefined;

  constructor(engine: Engine, given: EngineCase) {
    const [count, ...shape] = given.images.shape as [number, ...number[]];
    this.engine = engine;
    this.given = given;
    this.name = `engine '${engine.name}' on ${given.device}`;
    this.classes = given.card.classes.length;
    this.count = count;
    this.shape = shape;
    this.tolerance = given.tolerance ?? 1e-5;
    this.step = given.step ?? 0.02;
    this.all = batchOf(...Array.from({ length: count }, (_, i) => this.image(i)));
  }

  /** The model, opened when a check first asks for it. */
  model(): Promise<FullClassifier> {
    this.#model ??= this.open();
    return this.#model;
  }

  open(options: Partial<OpenOptions> = {}): Promise<FullClassifier> {
    const { card, device } = this.given;
    return this.engine.open(card, { device, workers: 2, threads: 1, microBatch: 2, ...options });
  }

  async close(): Promise<void> {
    const opened = await this.#model?.catch(() => undefined);
    await opened?.close();
  }

  image(i: number): Float32Array {
    const size = sizeOf(this.shape);
    return this.given.images.data.subarray(i * size, (i + 1) * size);
  }

  one(i: number): Batch {
    return batchOf(this.image(i));
  }

  /** The scores of all classes of image `i`, of those of several. */
  row(scores: Tensor, i: number): Float32Array {
    return scores.data.subarray(i * this.classes, (i + 1) * this.classes);
  }

  ensure(condition: boolean, message: string, hint?: string): asserts condition {
    ensure(condition, `${this.name}: ${message}`, hint);
  }

  /** Two arrays must be as long, and differ by little of the largest value: values near zero mean nothing alone. */
  near(got: ArrayLike<number>, want: ArrayLike<number>, tolerance: number, what: string): void {
    this.ensure(got.length === want.length, `${what}: ${got.length} values, not ${want.length}.`);
    const [values, others] = [Array.from(got), Array.from(want)];
    const scale = others.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-6);
    const worst = values.reduce((m, v, i) => Math.max(m, Number.isNaN(v) ? Infinity : Math.abs(v - others[i]!)), 0);
    this.ensure(worst / scale < tolerance, `${what}: off by ${(worst / scale).toPrecision(2)} of the largest value.`);
  }

  /** What is asked must be refused. @param why a part of the message, or the error's code */
  async refuses(asked: Promise<unknown>, why: RegExp | CtXaiError['code'], what: string): Promise<void> {
    const error = await asked.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    this.ensure(error !== undefined, `${what} is not refused.`);
    const right =
      typeof why === 'string' ? error instanceof CtXaiError && error.code === why : why.test(messageOf(error));
    this.ensure(right, `${what} is refused, but not as ${why}: ${messageOf(error)}`);
  }

  async gradientsOf(
    model: FullClassifier,
    batch: Batch,
    target: Target,
  ): Promise<{ readonly gradient: Float32Array; readonly score: number }[]> {
    const found: { gradient: Float32Array; score: number }[] = [];
    await model.gradients(batch, target, (i, gradient, score) => {
      this.ensure(i === found.length, `gradients come in another order: ${i} after ${found.length - 1}.`);
      found.push({ gradient: gradient.slice(), score });
    });
    this.ensure(found.length === batch.count, `${found.length} gradients of ${batch.count} images.`);
    return found;
  }

  /** d score / d step along a direction of length one, by a central difference. */
  async slope(model: FullClassifier, image: Float32Array, direction: Float32Array, target: Target): Promise<number> {
    const write = (i: number, out: Float32Array) => {
      const by = i === 0 ? this.step : -this.step;
      for (let k = 0; k < out.length; k++) out[k] = image[k]! + by * direction[k]!;
    };
    const [up, down] = await model.score({ count: 2, write }, target);
    return (up! - down!) / (2 * this.step);
  }
}

export function batchOf(...list: readonly Float32Array[]): Batch {
  return { count: list.length, write: (i, out) => out.set(list[i]!) };
}

export function normOf(values: Float32Array): number {
  return Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
}

/** A view of a model that counts the passes asked of it. */
export function counting(model: FullClassifier): {
  readonly counts: { forward: number; backward: number };
  readonly metered: FullClassifier;
} {
  const counts = { forward: 0, backward: 0 };
  const meter = {
    forward: (images: number) => {
      counts.forward += images;
    },
    backward: (images: number) => {
      counts.backward += images;
    },
  };
  return { counts, metered: model.metered(meter) as FullClassifier };
}
