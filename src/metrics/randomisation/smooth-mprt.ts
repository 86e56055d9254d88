import { z } from 'zod';
import { isUndefined, type MetricContext, type ModelVariant, undefinedBecause } from '../../core/contracts/index.ts';
import { defineMetric } from '../../core/define.ts';
import { windowEnds } from '../../core/image/window.ts';
import { mapDefect, type Tensor, tensor } from '../../core/tensor.ts';
import { likeness, meanOf, randomisedVariants, seedsOption } from './shared/variants.ts';

const options = z.strictObject({
  draws: z.int().min(1).max(1000).default(10).describe('noisy copies of the image whose maps are averaged'),
  noise: z.number().positive().default(0.1).describe('standard deviation of the noise, a share of the window'),
  seeds: seedsOption,
});

type Context = MetricContext<z.output<typeof options>>;

/**
 * Parameter randomisation without the noise of single maps (Hedström et al. 2024, equation 4): structural similarity of
 * the mean map of noisy copies of the image with the same under weights that are all redrawn; mean over seeds; magnitudes,
 * each mean map as a share of its largest. Details: `spearman` of the signed mean maps, `seeds` that gave maps.
 */
export const smoothMprt = defineMetric({
  name: 'smooth-mprt',
  title: 'Smooth parameter randomisation',
  summary:
    'How like the map, averaged over noisy copies of the image, stays when all weights of the model are redrawn.',
  cite: 'Hedström et al., Sanity checks revisited, 2024, arXiv:2401.06465',
  category: 'randomisation',
  better: 'lower',
  range: [-1, 1],
  undefinedWhen: 'the model has no redrawn weights here, or the explainer no map of noisy copies under them',
  criticism: 'Averages are smooth, and smooth maps have a high structural similarity whatever they show.',
  criticismSource: 'Hedström et al. 2024, arXiv:2401.06465',
  needs: ['explain', 'weights'],
  options,
  checks: { options: { draws: 2, seeds: 2 } },
  variants: () => [],
  cost: ({ draws, seeds }, _, explanation) => ({
    forward: draws * (1 + seeds) * explanation.forward,
    backward: draws * (1 + seeds) * explanation.backward,
    atMost: true,
  }),
  async evaluate(context) {
    if (windowEnds(context) === null) {
      return undefinedBecause('the image does not vary, so that the window’s range is unknown');
    }
    const original = await meanMap(context);
    if (typeof original === 'string') return undefinedBecause(`noisy copies have no map: ${original}`);
    const likenesses = [];
    let reason = '';
    for (const variant of randomisedVariants(1, context.options.seeds)) {
      const map = await meanMap(context, variant);
      if (typeof map === 'string') reason ||= map;
      else likenesses.push(likeness(original, map));
    }
    const similar = likenesses.filter(l => l.ssim !== null).map(l => l.ssim!);
    if (similar.length === 0) {
      return undefinedBecause(`there is no map under weights that are all redrawn: ${reason || 'maps are too small'}`);
    }
    const ranks = likenesses.filter(l => l.spearman !== null).map(l => l.spearman!);
    return {
      value: meanOf(similar),
      details: { ...(ranks.length > 0 ? { spearman: meanOf(ranks) } : {}), seeds: similar.length },
    };
  },
});

/** The mean map of the noisy copies, the same copies under all weights; why there is none otherwise. */
async function meanMap(context: Context, variant?: ModelVariant): Promise<Tensor | string> {
  const { image, options: o, rng } = context;
  const scale = windowEnds(context)!.map(([low, high]) => o.noise * (high - low));
  const sum = tensor(context.attribution.shape);
  let reason = '';
  for (let i = 0; i < o.draws; i++) {
    const draws = rng.fork('smoothing noise', i);
    const noisy = tensor(
      image.shape,
      image.data.map((v, k) => v + scale[k % scale.length]! * draws.normal()),
    );
    const again = await context.explain({
      image: noisy,
      key: `white noise of ${o.noise}, copy ${i}`,
      ...(variant ? { variant } : {}),
    });
    if (isUndefined(again)) reason ||= again.undefined;
    else for (let k = 0; k < sum.data.length; k++) sum.data[k]! += again.map.data[k]!;
  }
  return mapDefect(sum) === null ? sum : reason || 'their mean is constant';
}
