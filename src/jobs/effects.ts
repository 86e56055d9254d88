import { imageBatch } from '../core/batch.ts';
import type { Effects } from '../core/contracts/index.ts';
import type { Tensor } from '../core/tensor.ts';
import { effectsOf } from '../core/truth/effects.ts';
import { variantOf } from '../core/truth/variants.ts';
import type { Job, ModelRef } from './job.ts';
import type { LoadedImage } from './loaded-image.ts';
import type { Services } from './services.ts';

type Asked = Pick<Services, 'sample' | 'image' | 'onModel' | 'chance' | 'signal' | 'card'>;

/**
 * What is known by intervention of a job's image and model: the target's log-odds of every
 * subset of the sample's factors, one after another. Undefined where the sample has no factors, or not every variant.
 * Its passes are nobody's: they belong to the truth, not to an explainer or a metric.
 * @param other whose log-odds are asked instead, on the grid of the job's model; undefined where it lacks the class
 */
export async function effectsFor(
  job: Job,
  target: { readonly class: number },
  services: Asked,
  other?: ModelRef,
): Promise<Effects | undefined> {
  if (!('sample' in job) || job.sample.variant !== undefined) return undefined;
  const { sample } = await services.sample(job.model, job.sample);
  const { factors = [], variants = [] } = sample;
  const names = Array.from({ length: 2 ** factors.length }, (_, on) => variantOf(on, factors));
  if (factors.length === 0 || !names.every(name => name === undefined || variants.includes(name))) return undefined;
  const judge = other ?? job.model;
  const judged = classFor(judge, job.model, target.class, services);
  if (judged < 0) return undefined;
  const images: LoadedImage[] = [];
  const inputs: Tensor[] = [];
  for (const variant of names) {
    services.signal.throwIfAborted();
    const ref = variant === undefined ? job.sample : { ...job.sample, variant };
    images.push(await services.image(job.model, ref));
    inputs.push((await services.image(judge, ref)).image);
  }
  const whole = images.at(-1)!.prepared.raw.data;
  const batch = imageBatch(...inputs);
  const asked = { class: judged, score: 'margin' } as const;
  const logOdds = await services.onModel(judge, classifier =>
    classifier.score(batch, asked, { signal: services.signal }),
  );
  const chance = await services.chance?.(judge, judged);
  return effectsOf({
    chance,
    factors,
    spatial: images[0]!.view.shape,
    // The subset that lacks factor j alone.
    changes: factors.map((_, j) => {
      const { data } = images[names.length - 1 - (1 << j)]!.prepared.raw;
      return whole.map((v, p) => v - data[p]!);
    }),
    logOdds,
  });
}

/** The index of a class of one model in another; −1 where it has none of that name. */
function classFor(judge: ModelRef, model: ModelRef, index: number, { card }: Asked): number {
  return judge === model ? index : card(judge).classes.indexOf(card(model).classes[index]!);
}
