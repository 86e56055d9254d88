import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { PlannedModel } from '../config/plan.ts';
import { imageBatch } from '../core/batch.ts';
import type { Dataset, FullClassifier, Placebos } from '../core/contracts/index.ts';
import { createRng } from '../core/rng.ts';
import { type ChanceEffects, chanceEffects } from '../core/truth/threshold.ts';
import { geometryOf } from '../data/preparation/geometry.ts';
import { prepare } from '../data/preparation/prepare.ts';

/** Beside a model's card: what was measured of chance effects before. */
export const CHANCE_FILE = 'chance-effects.json';

const record = z.object({
  model: z.string(),
  data: z.string(),
  class: z.string(),
  threshold: z.number().positive(),
  percentile: z.number().positive(),
  placebos: z.number().int().positive(),
  patients: z.number().int().positive(),
});

export type ChanceRecord = z.output<typeof record>;

type OnModel = <T>(work: (classifier: FullClassifier) => Promise<T>) => Promise<T>;

/**
 * How large effects on a class's log-odds are that are chance, for this model and data: from the file beside the card
 * where it was measured on the same weights and placebos, else measured now, after `begins` was called with the model's id.
 * @returns undefined where the data has no placebos, or too few.
 */
export async function chanceEffectsOf(
  model: PlannedModel,
  target: number,
  { placebos }: Dataset,
  onModel: OnModel,
  { signal, begins }: { readonly signal: AbortSignal; readonly begins?: ((model: string) => void) | undefined },
): Promise<ChanceEffects | undefined> {
  if (!placebos) return undefined;
  const name = model.card.classes[target]!;
  const found = (await recorded(model)).find(
    r => r.model === model.digest && r.data === placebos.digest && r.class === name,
  );
  if (found) return found;
  begins?.(model.id);
  return measureChanceEffects(model, target, placebos, onModel, signal);
}

/** Scores every placebo beside the picture that it is a copy of. */
export async function measureChanceEffects(
  { card }: PlannedModel,
  target: number,
  placebos: Placebos,
  onModel: OnModel,
  signal: AbortSignal,
): Promise<ChanceEffects | undefined> {
  const effects: number[][] = [];
  for await (const { whole, placebos: copies } of placebos.sets()) {
    signal.throwIfAborted();
    const geometry = geometryOf(whole, card, 'a placebo');
    const images = [whole, ...copies].map(source => prepare(source, card, 'a placebo', geometry).input);
    const [score, ...others] = await onModel(async classifier => {
      const margins: number[] = [];
      for (const image of images) {
        margins.push(...(await classifier.score(imageBatch(image), { class: target, score: 'margin' }, { signal })));
      }
      return margins;
    });
    effects.push(others.map(other => score! - other));
  }
  return chanceEffects(effects, createRng('chance effects'));
}

async function recorded({ card }: PlannedModel): Promise<readonly ChanceRecord[]> {
  const folder = card.file === undefined ? undefined : dirname(card.file);
  if (folder === undefined) return [];
  const text = await readFile(join(folder, CHANCE_FILE), 'utf8').catch(() => '[]');
  // What cannot be read was never measured.
  return z.array(record).catch([]).parse(parsed(text));
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return [];
  }
}
