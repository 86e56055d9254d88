import type {
  AbleModel,
  Attribution,
  Capability,
  Classifier,
  Effects,
  Explainer,
  FullClassifier,
  ImageContext,
  Memo,
  Undefined,
} from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { gaussianBlur } from '../core/image/blur.ts';
import { createRng, type Rng } from '../core/rng.ts';
import { sizeOf, type Tensor, tensor } from '../core/tensor.ts';

/** An image to explain, with all that belongs to it. */
export interface Subject extends ImageContext {
  readonly model: FullClassifier;
}

/**
 * A textured image or volume for a model, drawn from a seed: view in 0…1, input centred on 0, baseline −0.5 ("air").
 */
export function subjectFor(
  model: FullClassifier,
  seed: number,
  signal: AbortSignal = new AbortController().signal,
): Subject {
  const { spatial, channels } = model.input;
  const view = texture(spatial, createRng(`subject ${seed}`));
  const gain = (k: number) => 1 + 0.5 * k;
  const image = tensor([...spatial, channels]);
  for (let i = 0; i < image.data.length; i++) {
    const k = i % channels;
    image.data[i] = (view.data[(i - k) / channels]! - 0.5) * gain(k);
  }
  const baseline = tensor(image.shape, new Float32Array(image.data.length).fill(-0.5));
  const windowRange = Array.from({ length: channels }, (_, k) => gain(k));
  return { model, image, baseline, view, spacing: spatial.map(() => 1.5), windowRange, signal };
}

/** Noise around 0.5, smoothed plane by plane and clipped to 0…1. */
function texture(spatial: readonly number[], rng: Rng): Tensor {
  const plane = spatial.slice(-2);
  const size = sizeOf(plane);
  const out = tensor(spatial);
  for (let start = 0; start < out.data.length; start += size) {
    const noise = tensor(
      plane,
      Float32Array.from({ length: size }, () => rng.normal()),
    );
    out.data.set(
      gaussianBlur(noise, 1.5).data.map(v => Math.min(1, Math.max(0, 0.5 + v))),
      start,
    );
  }
  return out;
}

/** How many there are unless others are given. */
const TRAINING_IMAGES = 3;

export interface ExplainRequest {
  readonly explainer: Explainer;
  readonly subject: Subject;
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  readonly class?: number;
  readonly seed?: string;
  /** The random stream, instead of one from the seed. */
  readonly rng?: Rng;
  readonly donor?: Tensor | undefined;
  /** What the explainer wraps, where it wraps one. */
  readonly wrapped?: Explainer | undefined;
  /** Options of what it wraps, instead of those that it gives it itself. */
  readonly wrappedOptions?: Readonly<Record<string, unknown>> | undefined;
  /** Default: three images like the subject's. */
  readonly trainingImages?: readonly Tensor[] | undefined;
  readonly effects?: Effects | undefined;
  /** Default: remembers nothing, as while timing. */
  readonly memo?: Memo | undefined;
}

export interface Explained {
  readonly result: Attribution | Undefined;
  readonly forward: number;
  readonly backward: number;
}

/** One explanation as the runner asks for it: options parsed, passes metered, undeclared capabilities out of reach. */
export async function explainSubject(request: ExplainRequest): Promise<Explained> {
  const { explainer, subject, wrapped, seed = 'conformance' } = request;
  const passes = { forward: 0, backward: 0 };
  const model = subject.model.metered({
    forward: n => {
      passes.forward += n;
    },
    backward: n => {
      passes.backward += n;
    },
  });
  const options = explainer.options.parse(request.options ?? {});
  const innerOptions = request.wrappedOptions ?? explainer.innerOptionsOf(options);
  const result = await explainer.explain({
    ...subject,
    model: restricted(model, explainer.requiresOf(options)) as AbleModel,
    target: { class: request.class ?? 0 },
    options,
    rng: request.rng ?? createRng(seed),
    memo: request.memo ?? ((_, compute) => compute()),
    inner: image => innerMap(request, innerOptions, model as FullClassifier, image),
    ...(wrapped ? { innerKey: JSON.stringify([wrapped.name, wrapped.options.parse(innerOptions)]) } : {}),
    trainingImages: async count => {
      const drawn = (n: number) => Array.from({ length: n }, (_, i) => subjectFor(subject.model, 90 + i).image);
      return request.trainingImages?.slice(0, count) ?? drawn(Math.min(count, TRAINING_IMAGES));
    },
    ...(request.donor ? { donor: request.donor } : {}),
    ...(request.effects ? { effects: request.effects } : {}),
  });
  return { result, ...passes };
}

/** The wrapped explainer's map of another image, as the runner gives it. */
async function innerMap(
  { subject, wrapped, ...request }: ExplainRequest,
  options: Readonly<Record<string, unknown>>,
  model: FullClassifier,
  image: Tensor,
): Promise<Attribution | Undefined> {
  if (!wrapped) {
    throw new CtXaiError('PLUGIN', `explainer '${request.explainer.name}' asks for a wrapped explainer's map.`, {
      hint: "Name the explainer that it wraps by default in 'wraps'.",
    });
  }
  const { result } = await explainSubject({
    ...request,
    options,
    explainer: wrapped,
    wrappedOptions: undefined,
    subject: { ...subject, model, image },
  });
  return result;
}

/** The methods that come with each ability. */
const METHODS: Readonly<Record<Capability, readonly (keyof FullClassifier)[]>> = {
  gradients: ['gradients'],
  'backward-rules': ['gradients'],
  activations: ['layers', 'activations'],
  layers: ['layers', 'layer', 'layerGradients'],
  continuation: ['layers', 'activations', 'continueFrom'],
  'bias-gradients': ['biasGradients'],
  attention: ['attention'],
};

const ALWAYS = ['scores', 'score', 'metered', 'close'] as const;

/** A classifier with the declared capabilities only, so that a call to another one fails. */
function restricted(model: Classifier, requires: readonly Capability[]): FullClassifier {
  const { id, input, classes, capabilities, runtime, regression } = model;
  const bound = (name: keyof FullClassifier) =>
    ((model as FullClassifier)[name] as (...asked: unknown[]) => unknown).bind(model);
  const offered = Object.fromEntries(
    [...ALWAYS, ...requires.flatMap(name => METHODS[name])].map(name => [name, bound(name)]),
  );
  const { gradients } = offered as Partial<FullClassifier>;
  return {
    ...{ id, input, classes, capabilities, runtime },
    ...(regression === undefined ? {} : { regression }),
    ...offered,
    ...(gradients && !requires.includes('backward-rules') ? { gradients: byDerivative(gradients) } : {}),
  } as FullClassifier;
}

/** Gradients without the backward rules that an explainer has not declared. */
function byDerivative(gradients: FullClassifier['gradients']): FullClassifier['gradients'] {
  return async (batch, target, consume, options = {}) => {
    if (options.rules && options.rules.name !== 'standard') {
      throw new CtXaiError('PLUGIN', `the backward rules '${options.rules.name}' are used and not declared.`, {
        hint: "Add 'backward-rules' to 'requires'.",
      });
    }
    return gradients(batch, target, consume, options);
  };
}
