import type { PlannedModel } from '../config/plan.ts';
import type { Baseline, Sample } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { type PreparedBaseline, prepare, prepareBaseline, prepareMask } from '../data/preparation/prepare.ts';

/** An image ready for one model. Every call hands out copies, so that no method can spoil another's input. */
export interface LoadedImage {
  /** [h, w] as read. */
  readonly size: readonly [number, number];
  readonly spacing?: readonly [number, number];
  /** [h, w, c], input space. */
  image(): Tensor;
  /** [h, w] in 0…1. */
  view(): Tensor;
  /** [h, w] of 0 and 1 on the model's grid; undefined where the sample has none. */
  mask(): Tensor | undefined;
  /** [h, w, c], input space; of zeros where no baseline is named. */
  baseline(name: string | undefined): Promise<PreparedBaseline>;
}

/** Reads an image and prepares it once. @throws CtXaiError IMAGE or DATA if it can't be read or doesn't fit. */
export async function loadImage(
  sample: Sample,
  { card }: PlannedModel,
  baselines: ReadonlyMap<string, Baseline>,
  signal: AbortSignal,
): Promise<LoadedImage> {
  const { source, mask } = await sample.load(signal);
  const prepared = prepare(source, card, sample.source);
  const grid = mask && prepareMask(mask, prepared, sample.source);
  const made = new Map<string, Promise<PreparedBaseline>>();
  const [h, w] = source.pixels.shape as [number, number];
  return {
    size: [h, w],
    ...(prepared.spacing ? { spacing: prepared.spacing } : {}),
    image: () => copy(prepared.input),
    view: () => copy(prepared.view),
    mask: () => grid && copy(grid),
    async baseline(name) {
      if (name === undefined) return { image: tensor(prepared.input.shape) };
      let found = made.get(name);
      if (!found) {
        const baseline = baselines.get(name);
        if (!baseline) throw new CtXaiError('SUITE', `no baseline is called '${name}'.`);
        found = prepareBaseline(baseline, prepared, card);
        made.set(name, found);
      }
      const { image, ...rest } = await found;
      return { ...rest, image: copy(image) };
    },
  };
}

export function copy(t: Tensor): Tensor {
  return { shape: t.shape, data: t.data.slice() };
}
