import { z } from 'zod';
import {
  isUndefined,
  type Metric,
  type MetricContext,
  type Score,
  type Undefined,
  undefinedBecause,
} from '../../../core/contracts/index.ts';
import { defineMetric, type MetricSpec } from '../../../core/define.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { removalKey } from '../../../core/perturbation/removal.ts';
import { allSame } from './outcome.ts';

/** Below this probability of the image, and above one less it, shares of it have no meaning. */
const LEAST = 0.01;

/** Probabilities of the class explained. */
export interface Faded {
  readonly image: number;
  /** Where the image shows through the map: x ã + b (1 − ã), ã the map from 0 at its smallest to 1 at its largest. */
  readonly faded: number;
}

/** One run for the three metrics that ask what is left of the score where the map covers the rest. */
function fadedScores(context: MetricContext<unknown>): Promise<Faded | Undefined> {
  const { image, baseline, attribution, model, target, signal } = context;
  return context.mapMemo(`image through the map/${removalKey(context)}`, async () => {
    const low = attribution.data.reduce((a, b) => Math.min(a, b));
    const range = attribution.data.reduce((a, b) => Math.max(a, b)) - low;
    const channels = image.shape.at(-1)!;
    const batch = {
      count: 2,
      write(i: number, out: Float32Array) {
        out.set(image.data);
        if (i === 0) return;
        for (let k = 0; k < out.length; k++) {
          const share = (attribution.data[Math.floor(k / channels)]! - low) / range;
          out[k] = share * image.data[k]! + (1 - share) * baseline.data[k]!;
        }
      },
    };
    const scores = await model.score(batch, { class: target.class, score: 'probability' }, { signal });
    const [before, after] = [scores[0]!, scores[1]!];
    if (!(Number.isFinite(before) && Number.isFinite(after))) {
      throw new CtXaiError('MODEL', `the model's probability is ${before} and ${after}, not a finite number.`, {
        hint: 'Check the weights and the intensity steps of its card.',
      });
    }
    if (before < LEAST) {
      return undefinedBecause(`the probability of the class explained is ${before.toPrecision(2)}, less than ${LEAST}`);
    }
    // As that of a saturated model: then the map has no part in it.
    if (allSame([before, after])) return undefinedBecause('the probability is the same through the map');
    return { image: before, faded: after };
  });
}

interface FadedMetric extends Pick<MetricSpec<typeof noOptions>, 'name' | 'title' | 'summary' | 'cite' | 'better'> {
  /** Where the value has no meaning beside a probability that is nearly nothing. */
  readonly undefinedToo?: string;
  score(scores: Faded): Score | Undefined;
}

const noOptions = z.strictObject({});

/** A metric of what is left where the image shows through the map. Their maps that win are well known not to be right. */
export function fadedMetric({ undefinedToo = '', score, ...own }: FadedMetric): Metric {
  return defineMetric({
    ...own,
    category: 'faithfulness',
    range: [0, 1],
    rankable: false,
    undefinedWhen: `the probability of the class explained is under ${LEAST}${undefinedToo}, or the same through the map`,
    criticism:
      'A flat bright map shows the whole image and wins, so does one that is nearly empty on a class that the baseline ' +
      'already has: never ranked. torch-cam and pytorch-grad-cam feed it logits by default.',
    criticismSource: 'Poppi et al. 2021, arXiv:2104.10252; the code of torch-cam 0.5.0 and pytorch-grad-cam 1.5.7',
    needs: ['model'],
    needsClasses: 'it follows a probability',
    baseline: 'air',
    checks: {
      skip: { 'prefers a right map to random ones': 'a random map shows half of every pixel, and may do as well' },
    },
    cost: () => ({
      ...{ forward: 2, backward: 0 },
      shared: [{ key: 'image through the map', per: 'map', forward: 2, backward: 0 }],
    }),
    async evaluate(context) {
      const scores = await fadedScores(context);
      return isUndefined(scores) ? scores : score(scores);
    },
  });
}

/** Why a gain towards 1 has no meaning; undefined where it has. */
export function saturated({ image }: Faded): Undefined | undefined {
  return image > 1 - LEAST ? undefinedBecause('the probability of the class explained has no room to grow') : undefined;
}
