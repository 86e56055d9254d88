import { imageBatch } from '../core/batch.ts';
import type { Effects } from '../core/contracts/index.ts';
import { effectsOf } from '../core/truth/effects.ts';
import { variantOf } from '../core/truth/variants.ts';
import type { Job } from './job.ts';
import type { LoadedImage } from './loaded-image.ts';
import type { Services } from './services.ts';

type Asked = Pick<Services, 'sample' | 'image' | 'onModel' | 'chance' | 'signal'>;

/**
 * What is known by intervention of a job's image and model: the target's log-odds of every
 * subset of the sample's factors, one after another. Undefined where the sample has no factors, or not every variant.
 * Its passes are nobody's: they belong to the truth, not to an explainer or a metric.
 */
export async function effectsFor(
  job: Job,
  target: { readonly class: number },
  services: Asked,
): Promise<Effects | undefined> {
  if (!('sample' in job) || job.sample.variant !== undefined) return undefined;
  const { sample } = await services.sample(job.model, job.sample);
  const { factors = [], variants = [] } = sample;
  const names = Array.from({ length: 2 ** factors.length }, (_, on) => variantOf(on, factors));
  if (factors.length === 0 || !names.every(name => name === undefined || variants.includes(name))) return undefined;
  const images: LoadedImage[] = [];
  for (const variant of names) {
    services.signal.throwIfAborted();
    images.push(await services.image(job.model, variant === undefined ? job.sample : { ...job.sample, variant }));
  }
  const whole = images.at(-1)!.prepared.raw.data;
  const batch = imageBatch(...images.map(({ image }) => image));
  const asked = { class: target.class, score: 'margin' } as const;
  const logOdds = await services.onModel(job.model, classifier =>
    classifier.score(batch, asked, { signal: services.signal }),
  );
  const chance = await services.chance?.(job.model, target.class);
  return effectsOf({
    ...(chance ? { threshold: chance.threshold } : {}),
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
