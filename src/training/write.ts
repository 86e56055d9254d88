import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Estimate, Performance } from '../core/statistics/performance.ts';
import { writeAtomic } from '../results/files.ts';
import { CHECKPOINT, type Trained } from './train.ts';
import { AUGMENTATIONS, groupOf, planDigest, type TrainPlan } from './training-plan.ts';

export interface Provenance {
  readonly version: string;
  readonly licence?: string | undefined;
  readonly warnings: readonly string[];
}

/** Writes model.onnx, model.yaml and training.json; the checkpoint goes. @returns their paths */
export async function writeTrained(dir: string, plan: TrainPlan, trained: Trained, by: Provenance): Promise<string[]> {
  const { bytes, ...rest } = trained;
  const history = { format: 1, plan, digest: planDigest(plan), ...rest, ...by };
  const files: [string, string | Uint8Array][] = [
    ['model.onnx', bytes],
    ['model.yaml', cardText(plan, trained, by)],
    // The last: it tells that the others are there.
    ['training.json', `${JSON.stringify(history, null, 1)}\n`],
  ];
  for (const [name, body] of files) await writeAtomic(join(dir, name), body);
  await rm(join(dir, CHECKPOINT), { force: true });
  return files.map(([name]) => join(dir, name));
}

const rounded = (v: number): number => Number(v.toFixed(4));

export function cardText(plan: TrainPlan, trained: Trained, { licence, warnings }: Provenance): string {
  const { intensity, resize, input } = plan;
  const card = {
    file: 'model.onnx',
    task: 'softmax',
    classes: plan.classes,
    group: groupOf(plan),
    input: { size: input.size[0] === input.size[1] ? input.size[0] : input.size, channels: input.channels },
    intensity: {
      ...intensity,
      // The window of a card with several is the first of them.
      ...(intensity.windows ? { window: undefined } : {}),
      ...(intensity.steps.length > 0 ? {} : { steps: undefined }),
    },
    resize: { antialias: resize.antialias, fit: resize.fit, spacing: resize.spacing },
    camLayer: trained.camLayer,
    training: recipe(plan, trained, warnings),
    ...(licence === undefined ? {} : { licence }),
    performance: figuresOf(trained.test),
  };
  return `# Written by ct-xai train; the figures are those of the test images.\n${stringify(JSON.parse(JSON.stringify(card)), { lineWidth: 116, flowCollectionPadding: true })}`;
}

function recipe(plan: TrainPlan, { history, best, calibration }: Trained, warnings: readonly string[]): string {
  const { optimiser, augmentation, start, smooth } = plan;
  const named = optimiser.name === 'adamw' ? 'AdamW' : 'SGD with Nesterov momentum';
  return [
    `${plan.data}.`,
    `Architecture ${plan.architecture}, width ${plan.width}${start ? `, started from ${start.name}` : ''}; ${named}, peak learning rate ${plan.rate},`,
    `weight decay ${optimiser.decay}, batch ${plan.batch}; ${history.length} of ${plan.epochs} epochs, weights of epoch`,
    `${best} (best validation AUC${smooth ? ` over ${smooth} epochs` : ''}${optimiser.averaging > 0 ? ', averaged over steps' : ''});`,
    `augmentation ${nameOf(augmentation)}; temperature`,
    `${calibration.temperature.toFixed(2)} and offsets ${calibration.offsets.map(v => v.toFixed(2)).join(', ')} fitted on`,
    `the validation images and part of the weights; seed ${plan.seed}.`,
    ...warnings,
  ].join(' ');
}

function nameOf(augmentation: TrainPlan['augmentation']): string {
  const known = Object.entries(AUGMENTATIONS).find(([, a]) => JSON.stringify(a) === JSON.stringify(augmentation));
  return known?.[0] ?? 'custom';
}

/** Figures under flat names, intervals as `-low` and `-high`. */
export function figuresOf(test: Performance): Record<string, number> {
  const out: Record<string, number> = { images: test.images, patients: test.patients };
  const add = (name: string, { value, low, high }: Estimate) => {
    if (value !== null) out[name] = rounded(value);
    if (low !== null) out[`${name}-low`] = rounded(low);
    if (high !== null) out[`${name}-high`] = rounded(high);
  };
  for (const name of ['accuracy', 'sensitivity', 'specificity', 'auc', 'brier'] as const) add(name, test[name]);
  out.ece = rounded(test.calibration.ece);
  return out;
}
