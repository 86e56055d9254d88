import { z } from 'zod';
import { imageBatch } from '../../core/batch.ts';
import {
  type Attribution,
  type BackwardRules,
  type Batch,
  type ExplainContext,
  type ScoreKind,
  type Undefined,
  undefinedBecause,
} from '../../core/contracts/index.ts';
import { channelSum } from '../../core/image/channels.ts';
import type { Tensor } from '../../core/tensor.ts';
import { scoreOption } from './options.ts';

type Context = Pick<ExplainContext<readonly ['backward-rules'], unknown>, 'model' | 'image' | 'target' | 'signal'>;

/** What a backward pass by given rules makes of one image. */
export interface BackwardPass {
  /** [...spatial, channels] */
  readonly values: Tensor;
  readonly score: number;
  /** Sums that the rules report by name. */
  readonly sums: Readonly<Record<string, number>>;
  /** What the rules leave out, for an attribution's notes; empty where they cover the model. */
  readonly notes: Readonly<Record<string, string>>;
}

/** One backward pass by rules that need no reference image. */
export async function backwardPass(context: Context, score: ScoreKind, rules: BackwardRules): Promise<BackwardPass> {
  const [pass] = await backwardPasses(context, { count: 1, score, rules });
  return pass!;
}

/** Backward passes of the image, one for each reference image. */
export async function backwardPasses(
  { model, image, target, signal }: Context,
  asked: {
    readonly count: number;
    readonly score: ScoreKind;
    readonly rules: BackwardRules;
    readonly reference?: Batch;
  },
): Promise<readonly BackwardPass[]> {
  const { count, score, rules, reference } = asked;
  const notes: Record<string, string> = {};
  const found: BackwardPass[] = [];
  await model.gradients(
    imageBatch(...Array.from({ length: count }, () => image)),
    { class: target.class, score },
    (_, values, at, sums = {}) => {
      found.push({ values: { shape: image.shape, data: values.slice() }, score: at, sums, notes });
    },
    {
      signal,
      rules,
      ...(reference ? { reference } : {}),
      noted: note => {
        notes.rules = note;
      },
    },
  );
  return found;
}

/** What the explainers that replace the ReLU's derivative have in common. */
export const rectifierRules = {
  kind: 'ranking',
  requires: ['backward-rules'],
  dimensions: [2, 3],
  options: z.strictObject({ score: scoreOption('margin') }),
  presets: { paper: { options: { score: 'logit' } }, captum: { options: { score: 'logit' } } },
  cost: () => ({ forward: 1, backward: 1 }),
} as const;

/** The map of backward rules for ReLUs: channels summed, signed; undefined where nothing comes back. */
export async function rectifierMap(
  context: Context & { readonly options: { readonly score: ScoreKind } },
  rules: 'guided-backprop' | 'deconvnet',
): Promise<Attribution | Undefined> {
  const { values, notes } = await backwardPass(context, context.options.score, { name: rules });
  const map = channelSum(values);
  if (map.data.every(v => v === 0)) return undefinedBecause('nothing positive reaches the image');
  return { map, notes };
}
