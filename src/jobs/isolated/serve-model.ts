import type {
  Batch,
  BiasTerm,
  FullClassifier,
  GradientOptions,
  ScoreKind,
  Target,
} from '../../core/contracts/index.ts';
import { predictingOf } from '../../core/predicts.ts';
import type { Tensor } from '../../core/tensor.ts';
import { createCounter } from '../pass-counter.ts';
import type { Answer, Description, Question, SentBatch } from './messages.ts';

/** Answers a question about a model that another thread asks. */
export async function answer(
  classifier: FullClassifier,
  { method, args }: Question,
  signal: AbortSignal,
): Promise<Answer | Description> {
  if (method === 'describe') return describe(classifier);
  const counter = createCounter();
  const model = classifier.metered(counter) as FullClassifier;
  const items: unknown[][] = [];
  const notes: string[] = [];
  const result = await call();
  return { result, items, notes, ...counter.read() };

  function call(): Promise<unknown> {
    const batch = batchOf(args[0] as SentBatch);
    switch (method) {
      case 'scores':
        return model.scores(batch, { as: args[1] as ScoreKind, signal });
      case 'gradients': {
        const { rules, reference } = args[2] as Pick<GradientOptions, 'rules'> & { reference?: SentBatch };
        const options: GradientOptions = {
          signal,
          noted: note => notes.push(note),
          ...(rules ? { rules } : {}),
          ...(reference ? { reference: batchOf(reference) } : {}),
        };
        const keep = (i: number, gradient: Float32Array, score: number, sums?: object) =>
          void items.push([i, gradient.slice(), score, sums]);
        return model.gradients(batch, args[1] as Target, keep, options);
      }
      case 'activations':
        return model.activations(batch, args[1] as readonly (string | undefined)[], { signal });
      case 'layerGradients':
        return model.layerGradients(batch, args[1] as Target, args[2] as readonly (string | undefined)[], { signal });
      case 'continueFrom':
        return model.continueFrom(args[1] as string | undefined, batch, {
          ...(args[2] as { as: ScoreKind; image: Tensor }),
          signal,
        });
      case 'biasGradients': {
        const keep = (i: number, gradient: Float32Array, score: number, terms: readonly BiasTerm[]) =>
          void items.push([i, gradient.slice(), score, structuredClone(terms)]);
        return model.biasGradients(batch, args[1] as Target, keep, { signal });
      }
      case 'attention':
        return model.attention(batch, args[1] as Target | undefined, { signal });
      default:
        return Promise.reject(new Error(`no method of a model is called ${String(method)}`));
    }
  }
}

async function describe(classifier: FullClassifier): Promise<Description> {
  const { id, input, classes, capabilities, runtime } = classifier;
  return {
    id,
    input,
    classes,
    ...predictingOf(classifier),
    capabilities: [...capabilities],
    runtime,
    layers: await classifier.layers(),
  };
}

function batchOf({ count, data }: SentBatch): Batch {
  return {
    count,
    write(i, out) {
      const size = data.length / count;
      out.set(data.subarray(i * size, (i + 1) * size));
    },
  };
}
