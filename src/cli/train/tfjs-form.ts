import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { readCard } from '../../config/card.ts';
import { packageVersion } from '../../config/version.ts';
import { writeTwin } from '../../engines/tfjs/write/twin.ts';

/** Beside a trained model's model.onnx: model.json, weights.bin and a card of its own. */
const FOLDER = 'tfjs';

/** Whether a trained model's folder has its TF.js form. */
export function hasTfjsForm(dir: string): boolean {
  return existsSync(join(dir, FOLDER, 'model.json'));
}

/** Drops a TF.js form, before the model that it is of changes. */
export async function dropTfjsForm(dir: string): Promise<void> {
  await rm(join(dir, FOLDER), { recursive: true, force: true });
}

/**
 * Writes a trained model's weights for TF.js too, with a card by which suites can use them.
 * @returns the path of the new model.json, and the largest difference of logits from ONNX, relative to the largest
 * @throws CtXaiError MODEL where the two forms differ, and then nothing is written.
 */
export async function writeTfjsForm(dir: string): Promise<{ file: string; difference: number }> {
  const card = await readCard(dir);
  const { id: _, ...own } = parse(await readFile(card.origin, 'utf8')) as Record<string, unknown>;
  // A training and its other form are not two trainings.
  const group = card.group === undefined ? {} : { group: `${card.group}-tfjs` };
  const text = stringify(
    { id: `${card.id}-tfjs`, ...own, ...group, file: 'model.json' },
    { lineWidth: 116, flowCollectionPadding: true },
  );
  const folder = join(dir, FOLDER);
  const difference = await writeTwin(card, {
    folder,
    card: `# Written by ct-xai train: the weights of ../model.onnx for TF.js; the figures are those of the test images.\n${text}`,
    by: `ct-xai ${packageVersion()}`,
  });
  return { file: join(folder, 'model.json'), difference };
}
