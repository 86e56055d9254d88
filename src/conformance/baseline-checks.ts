import type { Baseline, BaselineContext, ModelCard } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { bodyMask } from '../core/image/body.ts';
import { createRng } from '../core/rng.ts';
import { sameShape, type Tensor, tensor } from '../core/tensor.ts';
import { type Check, ensure, withoutSkipped } from './conformance-check.ts';
import { sliceInAir } from './slice-in-air.ts';

export interface BaselineCheckOptions {
  /** Names of checks to leave out, with the reason; added to those of the baseline's `checks`. */
  readonly skip?: Readonly<Record<string, string>>;
}

/**
 * What every baseline must do, as a list to run under any test framework:
 *
 * ```ts
 * for (const { name, run } of baselineChecks(myBaseline)) it(name, run);
 * ```
 *
 * They make baselines of a small slice of a body with two lungs, in Hounsfield units or in input space. Variants and
 * training images are given where the baseline asks for them.
 */
export function baselineChecks(baseline: Baseline, settings: BaselineCheckOptions = {}): readonly Check[] {
  const name = `baseline '${baseline.name}'`;
  const subjects = () => (baseline.space === 'raw' ? [[], [3]] : [[1], [3]]).map(channels => slice(channels));
  const checks: Check[] = [
    {
      name: 'gives finite images of the image’s shape',
      async run() {
        for (const image of subjects()) checkImage(name, await baseline.make(image, contextOf(image)), image);
      },
    },
    {
      name: 'works where the spacing is unknown',
      async run() {
        for (const image of subjects()) {
          const { spacing: _, ...context } = contextOf(image);
          checkImage(name, await baseline.make(image, context), image);
        }
      },
    },
    {
      name: 'gives the same image for the same seed, also when two are made at once',
      async run() {
        const make = (image: Tensor) => baseline.make(image, contextOf(image));
        const [image, other] = subjects() as [Tensor, Tensor];
        const alone = await make(image);
        const [together] = await Promise.all([make(image), make(other)]);
        ensure(sameData(alone, together), `${name}: two images with one seed differ.`, 'Draw from context.rng only.');
      },
    },
    {
      name: 'leaves all that it is given as it is',
      async run() {
        for (const image of subjects()) {
          const before = image.data.slice();
          const context = contextOf(image);
          const given = [...(await context.trainingImages(2)), (await context.variant('no-lesion'))!];
          const copies = given.map(t => t.data.slice());
          const made = await baseline.make(image, {
            ...context,
            trainingImages: async count => given.slice(0, Math.min(count, 2)),
            variant: async () => given[2],
          });
          made.data.fill(Number.NaN);
          const kept = sameData(image, { data: before }) && given.every((t, i) => sameData(t, { data: copies[i]! }));
          ensure(kept, `${name}: it hands out or writes into what it was given.`, 'Copy before writing or returning.');
        }
      },
    },
    {
      name: 'gives an image, or says that there is none, where data has no variants and no training images',
      async run() {
        const [image] = subjects() as [Tensor];
        const context: BaselineContext = {
          ...contextOf(image),
          variant: async () => undefined,
          trainingImages: async () => [],
        };
        const made = await Promise.resolve()
          .then(() => baseline.make(image, context))
          .catch((error: unknown) => error);
        if (made instanceof CtXaiError && made.code === 'BASELINE') return;
        ensure(
          !(made instanceof Error),
          `${name}: it fails where it is given neither variants nor training images: ${String(made)}.`,
          "Throw a CtXaiError with the code 'BASELINE': rows are then skipped with its message as the reason.",
        );
        checkImage(name, made as Tensor, image);
      },
    },
  ];
  const { fill } = baseline;
  if (fill) {
    checks.push(
      {
        name: 'fills what is removed, and leaves the rest as it is',
        async run() {
          for (const image of subjects()) {
            const removed = disc(image);
            const filled = fill(image, removed, contextOf(image));
            checkImage(name, filled, image);
            const channels = image.data.length / removed.length;
            const kept = image.data.every((v, i) => removed[Math.floor(i / channels)] || Object.is(filled.data[i], v));
            ensure(kept, `${name}: pixels that are not removed change.`);
            const again = fill(image, removed, contextOf(image));
            ensure(sameData(filled, again), `${name}: two fills with one seed differ.`, 'Draw from context.rng only.');
          }
        },
      },
      {
        name: 'does not see what is removed',
        async run() {
          const [image] = subjects() as [Tensor];
          const removed = disc(image);
          const other = tensor(
            image.shape,
            image.data.map((v, i) => (removed[i] ? 0.5 * v : v)),
          );
          const [a, b] = [image, other].map(t => fill(t, removed, contextOf(image)));
          const same = a!.data.every((v, i) => Math.abs(v - b!.data[i]!) <= 0.02 * Math.max(1, Math.abs(v)));
          ensure(same, `${name}: the fill depends on the pixels that it replaces.`);
        },
      },
      {
        name: 'gives the image where nothing is removed, and the baseline where all is',
        async run() {
          const [image] = subjects() as [Tensor];
          const size = image.shape[0]! * image.shape[1]!;
          const nothing = fill(image, new Uint8Array(size), contextOf(image));
          ensure(sameData(nothing, image), `${name}: it changes an image of which nothing is removed.`);
          const all = fill(image, new Uint8Array(size).fill(1), contextOf(image));
          const made = await baseline.make(image, contextOf(image));
          ensure(sameData(all, made), `${name}: 'make' is not what 'fill' gives where everything is removed.`);
        },
      },
    );
  }
  return withoutSkipped(checks, { ...baseline.checks?.skip, ...settings.skip });
}

const CARD: ModelCard = {
  id: 'conformance',
  file: 'model.onnx',
  origin: 'model.yaml',
  format: 'onnx',
  task: 'softmax',
  emits: 'logits',
  explainAt: 'logits',
  classes: ['negative', 'positive'],
  input: { size: [28, 36], channels: 1, layout: 'NCHW' },
  intensity: { unit: 'HU', window: [-1150, 350], air: -1000, steps: [] },
  resize: { antialias: true, fit: 'stretch' },
};

/** The slice, in HU where it has one value a pixel, with channels at the end. */
function slice(channels: readonly number[], lesion = true, seed = 0): Tensor {
  const { hu } = sliceInAir(28, 36, { lesion, seed });
  const [low, high] = CARD.intensity.window;
  const c = channels[0] ?? 1;
  const value = (v: number, k: number) => (channels.length === 0 ? v : ((v - low) / (high - low)) * (1 + k));
  return tensor(
    [28, 36, ...channels],
    Float32Array.from({ length: 28 * 36 * c }, (_, i) => value(hu.data[Math.floor(i / c)]!, i % c)),
  );
}

function contextOf(image: Tensor): BaselineContext {
  const channels = image.shape.slice(2);
  const [low, high] = CARD.intensity.window;
  const { hu } = sliceInAir(28, 36, { lesion: true, seed: 0 });
  const view = tensor(
    hu.shape,
    hu.data.map(v => Math.min(1, Math.max(0, (v - low) / (high - low)))),
  );
  return {
    card: { ...CARD, input: { ...CARD.input, channels: channels[0] === 3 ? 3 : 1 } },
    spacing: [9, 9],
    rng: createRng('baseline conformance'),
    bodyMask: () => bodyMask(view),
    variant: async () => slice(channels, false),
    trainingImages: async count => [1, 2, 3].slice(0, count).map(seed => slice(channels, true, seed)),
  };
}

/** A disc in the left lung, where the lesion is. */
function disc({ shape }: Tensor): Uint8Array {
  const [h, w] = shape as [number, number];
  return Uint8Array.from({ length: h * w }, (_, i) =>
    (Math.floor(i / w) - h / 2) ** 2 + ((i % w) - w / 3) ** 2 < 16 ? 1 : 0,
  );
}

function checkImage(name: string, made: Tensor, like: Tensor): void {
  const fits = made?.data instanceof Float32Array && sameShape(made.shape, like.shape);
  ensure(
    fits && made.data.length === like.data.length,
    `${name}: gave an image of shape [${made?.shape?.join(', ')}]; the image has [${like.shape.join(', ')}].`,
  );
  ensure(made.data.every(Number.isFinite), `${name}: the image has NaN or infinite values.`);
}

function sameData(a: { readonly data: Float32Array }, b: { readonly data: Float32Array }): boolean {
  return a.data.length === b.data.length && a.data.every((v, i) => Object.is(v, b.data[i]));
}
