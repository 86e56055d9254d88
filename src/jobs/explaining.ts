import type {
  AbleModel,
  Attribution,
  Effects,
  ExplainAgain,
  Explainer,
  FullClassifier,
  ImageContext,
  ModelVariant,
  Undefined,
} from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { lookUp } from '../core/registry.ts';
import { createRng, type Rng } from '../core/rng.ts';
import type { Tensor } from '../core/tensor.ts';
import type { PreparedBaseline } from '../data/preparation/prepare.ts';
import { type ExplainJob, type PartRef, type ScoreJob, variantName } from './job.ts';
import { copy, type LoadedImage } from './loaded-image.ts';
import type { Counter } from './pass-counter.ts';
import type { Services } from './services.ts';
import { NOTHING_SHARED } from './shared-work.ts';

/** What one explanation is made of. */
export interface Explaining {
  readonly job: ExplainJob | ScoreJob;
  readonly part: PartRef;
  readonly classifier: FullClassifier;
  readonly image: LoadedImage;
  readonly target: number;
  readonly counter: Counter;
  /** For explainers that take another patient's map. */
  readonly donor?: Tensor | undefined;
}

export function explainerOf({ registry }: Services, part: PartRef): Explainer {
  return lookUp(registry.explainers, 'explainer', part.use, part.id);
}

/**
 * Calls an explainer.
 * @param instead another image than the loaded one, in input space; what belongs to the loaded one (baseline, view) stays.
 */
export async function callExplainer(
  what: Explaining,
  services: Services,
  instead?: Pick<ExplainAgain, 'image' | 'replicate' | 'variant' | 'shift'>,
): Promise<Attribution | Undefined> {
  const { job, part, classifier, image, target, counter } = what;
  const explainer = explainerOf(services, part);
  const baseline = await image.baseline(part.baseline);
  if (baseline.fill && explainer.followsPath) {
    throw new CtXaiError(
      'BASELINE',
      `it follows a path from the baseline to the image, and what '${part.baseline}' fills in depends on what is removed`,
    );
  }
  const owned = protect(services, explainer);
  // Of another image, only what that image is asked for itself is shared.
  const shared = instead ? NOTHING_SHARED : services.shared('image', job);
  const effects = await effectsFor(what, services);
  const variant = instead?.variant ?? job.model.variant;
  const rng = streamOf(job, explainer, variant, instead?.replicate ?? job.replicate ?? 0);
  return explainer.explain({
    ...imageContext(image, baseline, services.signal, owned),
    ...(instead ? { image: instead.image } : {}),
    model: classifier.metered(counter) as AbleModel,
    target: { class: target },
    options: part.options,
    rng: services.watchRng?.(rng) ?? rng,
    memo: shared.memoFor(counter),
    ...(what.donor ? { donor: owned(what.donor) } : {}),
    inner: other => innerMap(what, services, other),
    ...(part.of ? { innerKey: JSON.stringify([part.of.use, part.of.options, part.of.baseline ?? null]) } : {}),
    trainingImages: async count =>
      (await services.trainingImages(job.model, count)).map(other =>
        owned(instead?.shift === undefined ? other.image : other.shifted(instead.shift).image),
      ),
    ...(effects ? { effects } : {}),
  });
}

/** What is known by intervention, of this model or of another, as far as the explainer asks for it. */
async function effectsFor({ job, part, target }: Explaining, services: Services): Promise<Effects | undefined> {
  const needs = explainerOf(services, part).needsOf(part.options);
  if (needs.includes('effects')) return services.effects?.(job, { class: target });
  const { other } = job;
  return needs.includes('other-effects') && other ? services.effects?.(job, { class: target }, other) : undefined;
}

function innerMap(what: Explaining, services: Services, image: Tensor): Promise<Attribution | Undefined> {
  const { of } = what.part;
  if (!of) throw new CtXaiError('PLUGIN', `explainer '${what.part.use}' wraps no other explainer.`);
  return callExplainer({ ...what, part: of }, services, { image });
}

/** Variants that compute what the original computes. */
const SAME_FUNCTION: ReadonlySet<ModelVariant['kind']> = new Set(['original', 'rewritten', 'shifted']);

/**
 * The explainer's random numbers for an image: the same for all variants of the sample. Under other weights it draws
 * others, so that a map of random numbers does not seem to outlive the weights; where only the form of the function is
 * another, the same.
 */
function streamOf(
  { seed, model, sample }: ExplainJob | ScoreJob,
  { stream }: Explainer,
  variant: ModelVariant,
  replicate: number,
): Rng {
  const labels = [
    ...(SAME_FUNCTION.has(variant.kind) ? [] : ['weights', variantName(variant)]),
    ...(replicate === 0 ? [] : ['replicate', replicate]),
  ];
  return createRng(seed).fork('explain', model.id, sample.id, stream, ...labels);
}

/** Built-in parts are handed the arrays themselves; a plug-in is handed copies, so that it can harm its own rows only. */
export function protect({ registry }: Services, part: object): (t: Tensor) => Tensor {
  return registry.pluginOf(part) === undefined ? t => t : copy;
}

/** What explainers and metrics see of an image. */
export function imageContext(
  image: LoadedImage,
  { image: baseline, fill }: PreparedBaseline,
  signal: AbortSignal,
  owned: (t: Tensor) => Tensor,
): ImageContext {
  return {
    image: owned(image.image),
    baseline: owned(baseline),
    ...(fill ? { fill } : {}),
    view: owned(image.view),
    ...(image.spacing ? { spacing: image.spacing } : {}),
    windowRange: image.windowRange,
    signal,
  };
}
