import type { SampleFactor } from '../contracts/index.ts';

/** The variant without any lesion: what the baseline `counterfactual` takes. */
export const NO_LESION = 'no-lesion';

/** The name of the variant without some factors: `without:lesion-1+distractor-1`, in the sample's order of factors. */
export function variantWithout(names: readonly string[]): string {
  return `without:${names.join('+')}`;
}

/** Names of the factors that a variant switches off; undefined where its name doesn't say. */
export function factorsWithout(variant: string, factors: readonly SampleFactor[]): readonly string[] | undefined {
  if (variant === NO_LESION) return factors.filter(f => f.role === 'lesion').map(f => f.name);
  if (!variant.startsWith('without:')) return undefined;
  const names = variant.slice('without:'.length).split('+');
  return names.every(name => factors.some(f => f.name === name)) ? names : undefined;
}

/** Of each subset of factors that are on (bit j: factor j), the variant that shows it; undefined: the sample itself. */
export function variantOf(on: number, factors: readonly SampleFactor[]): string | undefined {
  const off = factors.filter((_, j) => (on & (1 << j)) === 0).map(f => f.name);
  return off.length === 0 ? undefined : variantWithout(off);
}
