import type { PlaceboEffects } from '../../core/contracts/index.ts';

/** What is known by intervention of one image and model, as its rows have it. */
export interface ImageTruth {
  /** 1 − R² of the additive fit over all subsets of factors. */
  readonly interaction: number;
  readonly interactionIndex: number;
  /** Effects up to this size are not told from none. */
  readonly threshold: number;
  /** Placebos that the threshold rests on; absent: it is a convention. */
  readonly placebos?: PlaceboEffects;
  /** Log-odds without any factor. */
  readonly background: number;
  /** Σ|φ| over factors. */
  readonly totalEffect: number;
  /** The largest |φ| of a lesion; 0 without one. */
  readonly lesionEffect: number;
  /** Σ|φ| over factors that are everywhere in the image. */
  readonly nonLocalEffect: number;
  /** Share of Σ|ΔHU| that lies in the factors' regions. */
  readonly covered: number;
}

/** The truth among the numbers of a row; undefined where the row has none, or not all of it. */
export function truthOf(numbers: Readonly<Record<string, number>> | undefined): ImageTruth | undefined {
  if (!numbers) return undefined;
  const { interaction, interactionIndex, threshold, background, totalEffect, lesionEffect, covered } = numbers;
  const all = { interaction, interactionIndex, threshold, background, totalEffect, lesionEffect, covered };
  if (!Object.values(all).every(v => v !== undefined)) return undefined;
  const { nonLocalEffect = 0 } = numbers;
  const { placebos, placeboPatients: patients, placeboPercentile: percentile } = numbers;
  const measured = placebos !== undefined && patients !== undefined && percentile !== undefined;
  return {
    ...all,
    nonLocalEffect,
    ...(measured ? { placebos: { placebos, patients, percentile } } : {}),
  } as ImageTruth;
}
