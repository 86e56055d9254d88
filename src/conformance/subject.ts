import type {
  Attribution,
  Capability,
  Classifier,
  Explainer,
  FullClassifier,
  ImageContext,
  Undefined,
} from '../core/contracts/index.ts';
import { gaussianBlur } from '../core/image/blur.ts';
import { createRng } from '../core/rng.ts';
import { type Tensor, tensor } from '../core/tensor.ts';

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
  const [height, width] = model.input.spatial;
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
  readonly donor?: Tensor | undefined;
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
  const result = await explainer.explain({
    ...subject,
    model: restricted(model, explainer.requires),
    target: { class: request.class ?? 0 },
    options: explainer.options.parse(request.options ?? {}),
    rng: createRng(seed),
    ...(request.donor ? { donor: request.donor } : {}),
  });
  return { result, ...passes };
}

/** A classifier with the declared capabilities only, so that a call to another one fails. */
function restricted(model: Classifier, requires: readonly Capability[]): FullClassifier {
  const full = model as FullClassifier;
  const { id, input, classes, capabilities, runtime } = model;
  const gradients: FullClassifier['gradients'] = (...asked) => full.gradients(...asked);
  const layers: FullClassifier['layers'] = () => full.layers();
  const layer: FullClassifier['layer'] = (...asked) => full.layer(...asked);
  return {
    ...{ id, input, classes, capabilities, runtime },
    scores: (...asked) => model.scores(...asked),
    metered: meter => model.metered(meter),
    close: () => model.close(),
    ...(requires.includes('gradients') ? { gradients } : {}),
    ...(requires.includes('layers') ? { layers, layer } : {}),
  } as FullClassifier;
}
