import type {
  AttentionOnImage,
  Batch,
  BiasTerm,
  FullClassifier,
  GradientOptions,
  LayerGradients,
  LayerValues,
  Meter,
  ScoreKind,
  Target,
} from '../../core/contracts/index.ts';
import { predictingOf } from '../../core/predicts.ts';
import { sizeOf, type Tensor, tensor } from '../../core/tensor.ts';
import type { Answer, Description, ModelMethod, SentBatch } from './messages.ts';

/** Asks the thread that holds the model. */
export type Ask = (method: ModelMethod, args: readonly unknown[], given: readonly ArrayBuffer[]) => Promise<Answer>;

/** Values that are sent at a time, about: some 16 MB. */
const SENT_VALUES = 2 ** 22;

interface Parts {
  readonly about: Description;
  readonly ask: Ask;
  readonly meters: readonly Meter[];
}

/** A model that another thread holds. It can do what the model there can. */
export function remoteModel({ about, ask, meters }: Parts): FullClassifier {
  const imageSize = sizeOf(about.input.spatial) * about.input.channels;

  /** Asks, and counts the passes that it took. */
  const call = async (method: ModelMethod, args: readonly unknown[], signal?: AbortSignal): Promise<Answer> => {
    signal?.throwIfAborted();
    const given = args.flatMap(arg => (isBatch(arg) ? [arg.data.buffer as ArrayBuffer] : []));
    const answer = await ask(method, args, given);
    for (const meter of meters) {
      meter.forward(answer.forward);
      if (answer.backward > 0) meter.backward(answer.backward);
    }
    signal?.throwIfAborted();
    return answer;
  };

  const scores = async (batch: Batch, { as, signal }: { as: ScoreKind; signal?: AbortSignal }): Promise<Tensor> => {
    const out = tensor([batch.count, about.classes.length]);
    for (const { first, sent } of pieces(batch, imageSize)) {
      const { result } = await call('scores', [sent, as], signal);
      out.data.set((result as Tensor).data, first * about.classes.length);
    }
    return out;
  };

  const gradients = async (
    batch: Batch,
    target: Target,
    consume: (i: number, gradient: Float32Array, score: number, sums?: Readonly<Record<string, number>>) => void,
    { rules, reference, noted, signal }: GradientOptions = {},
  ): Promise<void> => {
    const noteds = new Set<string>();
    const shared = reference && reference.count !== batch.count ? whole(reference, imageSize) : undefined;
    const own = reference && !shared ? [...pieces(reference, imageSize)] : [];
    let k = 0;
    for (const { first, sent } of pieces(batch, imageSize)) {
      const to = shared ? { count: shared.count, data: shared.data.slice() } : own[k++]?.sent;
      const options = { ...(rules ? { rules } : {}), ...(to ? { reference: to } : {}) };
      const { items, notes } = await call('gradients', [sent, target, options], signal);
      for (const note of notes) if (!noteds.has(note)) noted?.(note);
      for (const note of notes) noteds.add(note);
      for (const item of items) {
        const [i, gradient, score, sums] = item as [number, Float32Array, number, Readonly<Record<string, number>>];
        consume(first + i, gradient, score, sums);
      }
    }
  };

  const layerGradients = async (
    batch: Batch,
    target: Target,
    layers: readonly (string | undefined)[],
    { signal }: { signal?: AbortSignal } = {},
  ) =>
    (await call('layerGradients', [whole(batch, imageSize), target, layers], signal))
      .result as readonly LayerGradients[];

  return {
    id: about.id,
    input: about.input,
    classes: about.classes,
    ...predictingOf(about),
    capabilities: new Set(about.capabilities),
    runtime: about.runtime,
    scores,
    async score(batch, target, options = {}) {
      const { data } = await scores(batch, { as: target.score, ...options });
      const out = new Float32Array(batch.count);
      for (let i = 0; i < out.length; i++) out[i] = data[i * about.classes.length + target.class]!;
      return out;
    },
    gradients,
    layers: async () => about.layers,
    async activations(batch, layers, { signal } = {}) {
      return (await call('activations', [whole(batch, imageSize), layers], signal)).result as readonly LayerValues[];
    },
    async layer(batch, target, layer, options) {
      return (await layerGradients(batch, target, [layer], options))[0]!;
    },
    layerGradients,
    async continueFrom(layer, batch, { as, image, signal }) {
      const found = about.layers.find(l => (layer === undefined ? l.cam : l.name === layer));
      const out = tensor([batch.count, about.classes.length]);
      for (const { first, sent } of pieces(batch, sizeOf(found?.shape ?? [0]))) {
        const { result } = await call('continueFrom', [sent, layer, { as, image }], signal);
        out.data.set((result as Tensor).data, first * about.classes.length);
      }
      return out;
    },
    async biasGradients(batch, target, consume, { signal } = {}) {
      for (const { first, sent } of pieces(batch, imageSize, 1)) {
        const { items } = await call('biasGradients', [sent, target], signal);
        for (const item of items) {
          const [i, gradient, score, terms] = item as [number, Float32Array, number, readonly BiasTerm[]];
          consume(first + i, gradient, score, terms);
        }
      }
    },
    async attention(image, target, { signal } = {}) {
      return (await call('attention', [whole(image, imageSize), target], signal)).result as AttentionOnImage;
    },
    metered: meter => remoteModel({ about, ask, meters: [...meters, meter] }),
    close: async () => {},
  };
}

function isBatch(value: unknown): value is SentBatch {
  return typeof value === 'object' && value !== null && 'count' in value && 'data' in value;
}

function whole(batch: Batch, size: number): SentBatch {
  const data = new Float32Array(batch.count * size);
  for (let i = 0; i < batch.count; i++) batch.write(i, data.subarray(i * size, (i + 1) * size));
  return { count: batch.count, data };
}

/** A batch cut into pieces that are written when they are wanted. */
function* pieces(
  batch: Batch,
  size: number,
  most = Math.max(1, Math.floor(SENT_VALUES / Math.max(1, size))),
): Generator<{ readonly first: number; readonly sent: SentBatch }> {
  for (let first = 0; first < batch.count; first += most) {
    const count = Math.min(most, batch.count - first);
    const data = new Float32Array(count * size);
    for (let i = 0; i < count; i++) batch.write(first + i, data.subarray(i * size, (i + 1) * size));
    yield { first, sent: { count, data } };
  }
}
