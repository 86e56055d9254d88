import { fileURLToPath } from 'node:url';
import { readCard } from '../../../src/config/card.ts';
import type { FullClassifier, ModelCard } from '../../../src/core/contracts/index.ts';
import { onnxEngine } from '../../../src/engines/onnx/index.ts';

/** The card of one of the small networks in golden/cases. */
export function caseCard(name: string, change: Partial<ModelCard> = {}, card = 'model.yaml'): Promise<ModelCard> {
  const file = fileURLToPath(new URL(`../../golden/cases/${name}/${card}`, import.meta.url));
  return readCard(file).then(read => ({ ...read, ...change }));
}

const QUICK = { device: 'cpu', workers: 1, threads: 1 };

/** Opens a card for the time of a use. */
export async function usingCard<T>(
  card: ModelCard,
  use: (model: FullClassifier) => Promise<T> | T,
  options: Partial<Parameters<typeof onnxEngine.open>[1]> = { microBatch: 1 },
): Promise<T> {
  const model = await onnxEngine.open(card, { ...QUICK, ...options });
  try {
    return await use(model);
  } finally {
    await model.close();
  }
}

/** The error that opening a card gives. */
export async function refusal(card: ModelCard): Promise<unknown> {
  return await usingCard(card, () => undefined).then(
    () => undefined,
    error => error,
  );
}
