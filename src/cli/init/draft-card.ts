import { basename } from 'node:path';
import { inlineCard } from '../../config/card.ts';
import type { CardFile } from '../../config/card-schema.ts';
import type { FileOutline, FullClassifier, ModelCard } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import { openModel } from '../../jobs/open-model.ts';

/** What is written into a card, as far as it is not left to defaults. */
export interface DraftCard {
  readonly file: string;
  readonly task: ModelCard['task'];
  readonly emits: ModelCard['emits'];
  readonly explainAt?: ModelCard['explainAt'];
  readonly classes: readonly string[];
  readonly positive?: string;
  readonly output?: string;
  readonly input: Pick<ModelCard['input'], 'channels' | 'layout'> & { readonly size: readonly number[] };
  readonly intensity: Partial<CardFile['intensity']>;
}

type Claim = Pick<DraftCard, 'task' | 'emits' | 'explainAt'>;

/** What a model may emit, the likeliest first. A card that the outputs contradict is refused when it is opened. */
function claims(units: number, tail: string | undefined): readonly Claim[] {
  const atOutput = { emits: 'probabilities', explainAt: 'output' } as const;
  if (units === 1) {
    if (tail === 'Sigmoid') return [{ task: 'sigmoid', emits: 'probabilities' }];
    return [
      { task: 'sigmoid', emits: 'logits' },
      { task: 'sigmoid', ...atOutput },
    ];
  }
  if (tail === 'Softmax') return [{ task: 'softmax', emits: 'probabilities' }];
  if (tail === 'LogSoftmax') return [{ task: 'softmax', emits: 'logits' }];
  if (tail === 'Sigmoid') return [{ task: 'multi-label', emits: 'probabilities' }];
  return [
    { task: 'softmax', emits: 'logits' },
    { task: 'softmax', ...atOutput },
  ];
}

/** A model that opened under one of the cards that it may have. */
export interface OpenedDraft {
  readonly draft: DraftCard;
  readonly card: ModelCard;
  readonly model: FullClassifier;
}

/**
 * Opens a model under the first card that its outputs do not contradict.
 * @param draft The card without what the model emits.
 * @param folder Where the card's paths start.
 * @throws CtXaiError as the engine does; of several cards that fail, what it said of the first
 */
export async function openDraft(
  draft: Omit<DraftCard, 'task' | 'emits'>,
  { units, tail, folder }: { readonly units: number; readonly tail: string | undefined; readonly folder: string },
  options: { readonly registry: Registry; readonly cacheDir: string; readonly signal: AbortSignal },
): Promise<OpenedDraft> {
  let first: unknown;
  for (const claim of claims(units, tail)) {
    const made: DraftCard = { ...draft, ...claim };
    try {
      const card = asCard(made, folder);
      const { registry, ...rest } = options;
      const planned = { id: card.id, card, digest: '', classOf: new Map<string, number>() };
      const model = await openModel({ engine: { use: 'auto', device: 'auto' }, registry }, planned, rest);
      return { draft: made, card, model };
    } catch (error) {
      if (!(error instanceof CtXaiError) || error.code !== 'CARD') throw error;
      first ??= error;
    }
  }
  throw first;
}

export function asCard(draft: DraftCard, folder: string): ModelCard {
  return inlineCard(draft, { folder, place: () => basename(draft.file) });
}

/** How many numbers the model puts out for an image; of several outputs, which one holds the scores. */
export function scoresOf(
  { outputs }: FileOutline,
  labels: number,
  file: string,
): { readonly units: number; readonly output?: string } {
  if (outputs.length === 0) {
    throw new CtXaiError('MODEL', `${file}: none of its outputs is a tensor of floats, so it puts out no scores.`, {
      hint: "Write a card by hand that names an inner tensor with the scores: 'output: …'.",
    });
  }
  const few = outputs.filter(o => o.units !== undefined && o.units <= 1000);
  const fitting = outputs.length === 1 ? outputs : few.filter(o => o.units === labels || o.units === 1);
  const chosen = fitting[0] ?? few[0] ?? outputs[0]!;
  const units = chosen.units ?? Math.max(2, labels);
  return { units, ...(outputs.length > 1 ? { output: chosen.name } : {}) };
}
