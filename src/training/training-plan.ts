import type { ModelCard } from '../core/contracts/index.ts';
import type { OptimiserSpec } from '../core/contracts/training.ts';
import { jsonDigest } from '../core/digest.ts';

/** Random changes of a training image, in raw space (HU or grey levels), before the card's steps. */
export interface Augmentation {
  /** Largest rotation, degrees. */
  readonly rotation: number;
  /** Largest change of scale, as a share. */
  readonly scale: number;
  /** Largest shift, as a share of the side. */
  readonly shift: number;
  /** Left and right swapped for half of the images. */
  readonly flip: boolean;
  /** Largest change of brightness, and of contrast about the window's middle, as shares of the window. */
  readonly intensity: number;
  /** Largest SD of added white noise, as a share of the window. */
  readonly noise: number;
}

/** `light` suits CT in HU; `strong` suits pictures of CT, whose frame and grey levels are anybody's choice. */
export const AUGMENTATIONS: Readonly<Record<'none' | 'light' | 'strong', Augmentation | null>> = {
  none: null,
  light: { rotation: 8, scale: 0.08, shift: 0.05, flip: true, intensity: 0.03, noise: 0.015 },
  strong: { rotation: 15, scale: 0.2, shift: 0.1, flip: true, intensity: 0.2, noise: 0.03 },
};

/** All that a training's result depends on. */
export interface TrainPlan {
  readonly architecture: string;
  /** Channels relative to the architecture's own. */
  readonly width: number;
  readonly classes: readonly string[];
  readonly input: { readonly size: readonly [number, number]; readonly channels: 1 | 3 };
  readonly intensity: ModelCard['intensity'];
  readonly resize: ModelCard['resize'];
  readonly epochs: number;
  readonly batch: number;
  readonly optimiser: OptimiserSpec;
  /** Peak learning rate, reached after `warmUp` epochs, from there a cosine to 0. */
  readonly rate: number;
  readonly warmUp: number;
  /** Share of a target that is spread over all classes. */
  readonly smoothing: number;
  /** Rare classes weigh more, so that all classes weigh the same. */
  readonly classWeights: boolean;
  readonly augmentation: Augmentation | null;
  /** Patches of random sizes on air, of up to this share of each training image; absent: none. */
  readonly masks?: number;
  /** The images' labels in a random order: a network that has nothing to learn of them. */
  readonly shuffledLabels?: boolean;
  /** What its weights start from, where they do not start at random. */
  readonly start?: { readonly name: string; readonly digest: string };
  /** Epochs without a better validation AUC after which training ends. */
  readonly patience: number;
  /** Epochs, up to each, whose validation AUCs are averaged to choose the best by. Default: 1. */
  readonly smooth?: number;
  readonly seed: string | number;
  /** What it is trained on, in words. */
  readonly data: string;
  /** Digests of the three splits' images and labels. */
  readonly splits: Readonly<Record<'train' | 'val' | 'test', string>>;
}

/** Settings that two plans differ in, each with the first plan's value: 'smooth 1, not 5'. */
export function differingSettings(first: TrainPlan, second: TrainPlan): string[] {
  const names = [...new Set([...Object.keys(first), ...Object.keys(second)])] as (keyof TrainPlan)[];
  const text = (value: unknown) => (value === undefined ? 'its default' : JSON.stringify(value).replaceAll('"', ''));
  return names.flatMap(name => {
    const [own, other] = [text(first[name]), text(second[name])];
    if (own === other) return [];
    return name === 'splits' ? ['images or labels'] : [`${name} ${own}, not ${other}`];
  });
}

export const planDigest = (plan: TrainPlan): string => jsonDigest(['training 1', plan]);

/** The same for trainings of one recipe on the same images, whatever their seeds: the card's `group`. */
export function groupOf({ seed: _, ...recipe }: TrainPlan): string {
  return `${recipe.architecture}-${jsonDigest(['recipe 1', recipe]).slice(0, 8)}`;
}

/** Learning rate at a time in epochs: linear warm-up, then a cosine to 0. */
export function rateAt(plan: Pick<TrainPlan, 'rate' | 'warmUp' | 'epochs'>, time: number): number {
  const { rate, warmUp, epochs } = plan;
  if (time < warmUp) return (rate * time) / warmUp;
  return 0.5 * rate * (1 + Math.cos(Math.PI * Math.min(1, (time - warmUp) / Math.max(1e-9, epochs - warmUp))));
}

/** The card that a trained model will have, as far as images depend on it. */
export function cardOf(plan: Pick<TrainPlan, 'classes' | 'input' | 'intensity' | 'resize'>, file: string): ModelCard {
  return {
    id: 'training',
    file,
    origin: file,
    format: 'onnx',
    task: 'softmax',
    emits: 'logits',
    explainAt: 'logits',
    classes: plan.classes,
    input: { ...plan.input, layout: 'NCHW' },
    intensity: plan.intensity,
    resize: plan.resize,
  };
}
