import type { Effects, FactorEffect, PlaceboEffects, SampleFactor } from '../contracts/index.ts';
import { tensor } from '../tensor.ts';
import { overlapping, regionOf } from './regions.ts';
import { groupedValues, interactionIndex, interactionShare, shapleyValues } from './shapley.ts';
import type { ChanceEffects } from './threshold.ts';

/**
 * Log-odds that count as no effect where no placebos tell how large chance effects are. A convention, not a measurement:
 * e^0.1 changes the odds by a tenth.
 */
export const EFFECT_THRESHOLD = 0.1;

export interface Intervention {
  readonly factors: readonly SampleFactor[];
  /** Rows and columns of the model's grid. */
  readonly spatial: readonly number[];
  /** Of each factor: the picture less the picture without it, HU, on the model's grid. */
  readonly changes: readonly ArrayLike<number>[];
  /** The target's log-odds of each subset of factors that are on, 2^m; bit j: factor j. */
  readonly logOdds: ArrayLike<number>;
  /** How large effects are that are chance; absent: `EFFECT_THRESHOLD` decides. */
  readonly chance?: ChanceEffects | undefined;
}

/**
 * What is known by intervention: exact Shapley values over all subsets, where each factor lies, and how far effects do
 * not add up. Factors whose regions overlap are one, named `a+b`: no map could tell them apart.
 */
export function effectsOf({ factors, spatial, changes, logOdds, chance }: Intervention): Effects {
  const regions = changes.map((change, j) => (factors[j]!.local === false ? undefined : regionOf(change)));
  const groups = overlapping(regions);
  const values = groupedValues(logOdds, groups);
  const effects = shapleyValues(values);
  const merged = groups.map((members, g): FactorEffect => {
    const region = union(members.map(j => regions[j]));
    const sizes = sizesOf(members.map(j => changes[j]!));
    return {
      name: members.map(j => factors[j]!.name).join('+'),
      role: roleOf(members.map(j => factors[j]!.role)),
      ...(region ? { region: tensor(spatial, region) } : {}),
      effect: effects[g]!,
      change: sizes.reduce((a, b) => a + b, 0),
      sizes: tensor(spatial, sizes),
    };
  });
  return {
    ...{ factors: merged, threshold: chance?.threshold ?? EFFECT_THRESHOLD },
    ...(chance && { placebos: placebosOf(chance) }),
    ...{ interaction: interactionShare(values), interactionIndex: interactionIndex(values) },
    ...{ background: values[0]!, covered: coveredShare(changes, groups, merged) },
  };
}

function placebosOf({ percentile, placebos, patients }: ChanceEffects): PlaceboEffects {
  return { percentile, placebos, patients };
}

/** Of Σ|Δ| over all factors, what lies in the region of the factor; a factor without a region is outside. */
function coveredShare(
  changes: readonly ArrayLike<number>[],
  groups: readonly (readonly number[])[],
  merged: readonly FactorEffect[],
): number {
  let [inside, all] = [0, 0];
  for (const [g, members] of groups.entries()) {
    const region = merged[g]!.region?.data;
    for (const j of members) {
      const change = changes[j]!;
      for (let p = 0; p < change.length; p++) {
        const size = Math.abs(change[p]!);
        all += size;
        if (region?.[p] === 1) inside += size;
      }
    }
  }
  return all === 0 ? 1 : inside / all;
}

/** Numbers of an image's truth that rows keep: of explainers as diagnostics, of metrics as details. */
export function truthNumbers({
  factors,
  threshold,
  placebos,
  interaction,
  interactionIndex: index,
  background,
  covered,
}: Effects) {
  const total = factors.reduce((sum, { effect }) => sum + Math.abs(effect), 0);
  const lesions = factors.filter(f => f.role === 'lesion').map(f => Math.abs(f.effect));
  const nonLocal = factors.filter(f => !f.region).reduce((sum, { effect }) => sum + Math.abs(effect), 0);
  return {
    ...{ interaction, interactionIndex: index, threshold, background, covered },
    ...{ totalEffect: total, lesionEffect: Math.max(0, ...lesions) },
    ...(nonLocal > 0 && { nonLocalEffect: nonLocal }),
    ...(placebos && {
      ...{ placebos: placebos.placebos, placeboPatients: placebos.patients, placeboPercentile: placebos.percentile },
    }),
  };
}

/** Merged with a lesion or a confounder, a distractor is none. */
function roleOf(roles: readonly SampleFactor['role'][]): string {
  return (['lesion', 'confounder', 'distractor', 'placebo'] as const).find(role => roles.includes(role))!;
}

function union(regions: readonly (Float32Array | undefined)[]): Float32Array | undefined {
  const [first, ...rest] = regions;
  if (!first) return undefined;
  const out = first.slice();
  for (const region of rest) for (let p = 0; p < out.length; p++) out[p] = Math.max(out[p]!, region![p]!);
  return out;
}

/** Σ|Δ| of some factors, pixel by pixel. */
function sizesOf(changes: readonly ArrayLike<number>[]): Float32Array {
  const out = new Float32Array(changes[0]!.length);
  for (const change of changes) for (let p = 0; p < out.length; p++) out[p]! += Math.abs(change[p]!);
  return out;
}
