import type {
  AbleModel,
  Attribution,
  Capability,
  Classifier,
  Explainer,
  FullClassifier,
  ImageContext,
  Undefined,
} from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { gaussianBlur } from '../core/image/blur.ts';
import { createRng, type Rng } from '../core/rng.ts';
import { planar, type Tensor, tensor } from '../core/tensor.ts';

/** An image to explain, with all that belongs to it. */
export interface Subject extends ImageContext {
  readonly model: FullClassifier;
}

/** A textured image for a model, drawn from a seed: view in 0…1, input centred on 0, baseline −0.5 ("air"). */
export function subjectFor(
  model: FullClassifier,
  seed: number,
  signal: AbortSignal = new AbortController().signal,
): Subject {
  const [height, width] = planar(model.input.spatial);
  const { channels } = model.input;
  const rng = createRng(`subject ${seed}`);
  const noise = tensor(
    [height, width],
    Float32Array.from({ length: height * width }, () => rng.normal()),
  );
  const smooth = gaussianBlur(noise, 1.5);
  const view = tensor(
    [height, width],
    smooth.data.map(v => Math.min(1, Math.max(0, 0.5 + v))),
  );
  const image = tensor([height, width, channels]);
  for (let i = 0; i < image.data.length; i++) {
    const k = i % channels;
    image.data[i] = (view.data[(i - k) / channels]! - 0.5) * (1 + 0.5 * k);
  }
  const baseline = tensor(image.shape, new Float32Array(image.data.length).fill(-0.5));
  return { model, image, baseline, view, spacing: [1.5, 1.5], signal };
}

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
}

export interface Explained {
  readonly result: Attribution | Undefined;
  readonly forward: number;
  readonly backward: number;
}

/** One explanation as the runner asks for it: options parsed, passes metered, undeclared capabilities out of reach. */
export async function explainSubject(request: ExplainRequest): Promise<Explained> {
  const { explainer, subject, seed = 'conformance' } = request;
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
  const result = await explainer.explain({
    ...subject,
    model: restricted(model, explainer.requiresOf(options)) as AbleModel,
    target: { class: request.class ?? 0 },
    options,
    rng: request.rng ?? createRng(seed),
    memo: (_, compute) => compute(),
    inner: image => innerMap(request, model as FullClassifier, image),
    trainingImages: async count =>
      Array.from({ length: Math.min(count, 3) }, (_, i) => subjectFor(subject.model, 90 + i).image),
    ...(request.donor ? { donor: request.donor } : {}),
  });
  return { result, ...passes };
}

/** The wrapped explainer's map of another image, as the runner gives it. */
async function innerMap(
  { subject, wrapped, ...request }: ExplainRequest,
  model: FullClassifier,
  image: Tensor,
): Promise<Attribution | Undefined> {
  if (!wrapped) throw new CtXaiError('PLUGIN', `explainer '${request.explainer.name}' wraps none.`);
  const { result } = await explainSubject({
    ...request,
    options: undefined,
    explainer: wrapped,
    subject: { ...subject, model, image },
  });
  return result;
}

/** A classifier with the declared capabilities only, so that a call to another one fails. */
function restricted(model: Classifier, requires: readonly Capability[]): FullClassifier {
  const full = model as FullClassifier;
  const { id, input, classes, capabilities, runtime } = model;
  const gradients: FullClassifier['gradients'] = (...asked) => full.gradients(...asked);
  const layers: FullClassifier['layers'] = () => full.layers();
  const layer: FullClassifier['layer'] = (...asked) => full.layer(...asked);
  const layerGradients: FullClassifier['layerGradients'] = (...asked) => full.layerGradients(...asked);
  return {
    ...{ id, input, classes, capabilities, runtime },
    scores: (...asked) => model.scores(...asked),
    score: (...asked) => model.score(...asked),
    metered: meter => model.metered(meter),
    close: () => model.close(),
    ...(requires.includes('gradients') ? { gradients } : {}),
    ...(requires.includes('layers') ? { layers, layer, layerGradients } : {}),
  } as FullClassifier;
}
