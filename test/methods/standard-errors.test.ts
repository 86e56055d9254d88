import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { explainSubject, smoothModel, subjectFor } from '../../src/conformance/index.ts';
import { type Attribution, isUndefined } from '../../src/core/contracts/index.ts';
import { ridgeErrors, weightedRidge } from '../../src/core/linear/ridge.ts';
import { createRng } from '../../src/core/rng.ts';

const { explainers } = builtinRegistry();
const subject = subjectFor(smoothModel({ height: 16, width: 16 }), 3);
const SEEDS = 32;

/** Said ÷ seen may be in this range: about right, or rather too large where points are better than independent ones. */
const RIGHT = [0.8, 1.25] as const;
const CAUTIOUS = [0.9, 12] as const;
/** Of what a complete orthogonal design takes away only a part is known to the estimate. */
const RATHER = [0.85, 2] as const;

const CASES: readonly [string, Readonly<Record<string, unknown>>, readonly [number, number]][] = [
  ['lime', { samples: 200, segmentation: 'grid', segments: 16 }, RATHER],
  ['lime', { samples: 100, segmentation: 'grid', segments: 49, includeOriginal: false }, RATHER],
  ['lime', { samples: 150, segmentation: 'grid', segments: 16, distance: 'pixels', kernelWidth: 1 }, RATHER],
  ['lime', { samples: 200, segmentation: 'grid', segments: 16, design: 'independent' }, RIGHT],
  ['lime', { samples: 100, segmentation: 'grid', segments: 49, includeOriginal: false, design: 'independent' }, RIGHT],
  ['rise', { samples: 200 }, RIGHT],
  ['rise', { samples: 200, estimator: 'mean' }, RIGHT],
  ['rise', { samples: 200, design: 'independent' }, RIGHT],
  ['rise', { samples: 200, design: 'independent', estimator: 'mean' }, RIGHT],
  ['rise', { samples: 200, design: 'independent', estimator: 'normalised' }, RIGHT],
  ['kernel-shap', { samples: 200, segmentation: 'grid', segments: 16 }, RIGHT],
  ['kernel-shap', { samples: 200, segmentation: 'grid', segments: 16, coalitions: 'independent' }, RIGHT],
  ['shapley-sampling', { permutations: 24, segmentation: 'grid', segments: 9 }, RIGHT],
  ['shapley-sampling', { permutations: 12, segmentation: 'grid', segments: 9, orders: 'independent' }, RIGHT],
  ['smoothgrad', { draws: 20 }, RIGHT],
  ['smoothgrad-squared', { draws: 20 }, RIGHT],
  ['vargrad', { draws: 30 }, RIGHT],
  ['sobol', { designs: 32, cells: 4 }, CAUTIOUS],
  ['hsic', { samples: 150, cells: 4 }, CAUTIOUS],
  ['expected-gradients', { draws: 40 }, CAUTIOUS],
];

async function mapBy(name: string, options: object, seed: string): Promise<Attribution> {
  const explainer = explainers.get(name)!;
  const wrapped = explainer.wraps === undefined ? undefined : explainers.get(explainer.wraps);
  const { result } = await explainSubject({ explainer, subject, options: { ...options }, wrapped, seed });
  if (isUndefined(result)) throw new Error(result.undefined);
  return result;
}

describe('standard errors beside the spread over seeds', () => {
  it.each(CASES)('%s %j', async (name, options, [least, most]) => {
    const maps: Attribution[] = [];
    for (let i = 0; i < SEEDS; i++) maps.push(await mapBy(name, options, `seed ${i}`));
    let [said, seen] = [0, 0];
    for (let p = 0; p < maps[0]!.map.data.length; p++) {
      const middle = maps.reduce((sum, { map }) => sum + map.data[p]! / SEEDS, 0);
      for (const { map, standardErrors } of maps) {
        seen += (map.data[p]! - middle) ** 2 / (SEEDS - 1);
        said += standardErrors!.data[p]! ** 2 / SEEDS;
      }
    }
    expect(seen).toBeGreaterThan(0);
    const ratio = Math.sqrt(said / seen);
    expect(ratio).toBeGreaterThan(least);
    expect(ratio).toBeLessThan(most);
  });

  it('all explainers that draw are among them, but for the controls', () => {
    const drawing = [...explainers.values()].filter(e => e.draws && e.role !== 'control').map(e => e.name);
    expect(drawing.sort()).toEqual([...new Set(CASES.map(([name]) => name))].sort());
  });

  it('the lasso and copies with the image itself have none', async () => {
    const lasso = await mapBy('lime', { samples: 100, regression: 'lasso', alpha: 0.001 }, 'a');
    expect(lasso.standardErrors).toBeUndefined();
    expect((await mapBy('smoothgrad', { draws: 5, includeImage: true }, 'a')).standardErrors).toBeUndefined();
  });
});

describe('errors of ridge coefficients', () => {
  it('of one column of 0 and 1 without penalty are those of a difference of two means', () => {
    const rng = createRng('two groups');
    const design = Uint8Array.from({ length: 30 }, (_, i) => (i < 11 ? 1 : 0));
    const targets = Float64Array.from(design, v => 2 * v + (1 + 2 * v) * rng.normal());
    const data = { design, columns: 1, targets, weights: new Float64Array(30).fill(0.7) };
    const ofGroup = (v: number) => {
      const own = [...targets].filter((_, i) => design[i] === v);
      const middle = own.reduce((a, b) => a + b / own.length, 0);
      return own.reduce((sum, y) => sum + (y - middle) ** 2, 0) / (own.length - 1) / own.length;
    };
    const [error] = ridgeErrors(data, 0, weightedRidge(data, 0)!)!;
    expect(error).toBeCloseTo(Math.sqrt(ofGroup(1) + ofGroup(0)), 10);
  });

  it('of pairs of a 1 and a 0 are those of the mean of their differences, as in a paired t test', () => {
    const rng = createRng('pairs');
    const pairs = 12;
    const design = Uint8Array.from({ length: 2 * pairs }, (_, i) => i % 2);
    const levels = Float64Array.from({ length: pairs }, () => 3 * rng.normal());
    const targets = Float64Array.from(design, (v, i) => levels[i >> 1]! + v + rng.normal());
    const data = { design, columns: 1, targets, weights: new Float64Array(2 * pairs).fill(0.7) };
    const differences = Array.from(levels, (_, k) => targets[2 * k + 1]! - targets[2 * k]!);
    const middle = differences.reduce((a, b) => a + b / pairs, 0);
    const variance = differences.reduce((sum, d) => sum + (d - middle) ** 2, 0) / (pairs - 1);
    const draw = Array.from(design, (_, i) => i >> 1);
    const [error] = ridgeErrors(data, 0, weightedRidge(data, 0)!, draw)!;
    expect(error).toBeCloseTo(Math.sqrt(variance / pairs), 10);
  });

  it('leave out rows that were not drawn', () => {
    const design = [1, 0, 1, 1, 0, 0];
    const data = { design, columns: 1, targets: [9, 1, 2, 3, 0, 2], weights: [1, 1, 1, 1, 1, 1] };
    const fit = weightedRidge(data, 0)!;
    const all = ridgeErrors(data, 0, fit)![0]!;
    expect(ridgeErrors(data, 0, fit, [-1, 0, 1, 2, 3, 4])![0]!).toBeLessThan(all);
    expect(ridgeErrors(data, 0, fit, [-1, -1, -1, -1, -1, 4])).toBeNull();
  });

  it("is that of statsmodels 0.15.0, WLS(y, X, w).fit(cov_type='HC2').bse, for two columns and unequal weights", () => {
    const design = [0, 1, 1, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 1, 0, 0];
    const targets = [0.3, 1.2, 1.9, 0.1, 0.7, 2.2, 0.9, 0.4];
    const weights = [0.5, 1, 0.8, 0.3, 0.9, 1.1, 0.4, 0.6];
    const data = { design, columns: 2, targets, weights };
    const found = ridgeErrors(data, 0, weightedRidge(data, 0)!)!;
    expect(found[0]).toBeCloseTo(0.51865339, 7);
    expect(found[1]).toBeCloseTo(0.46253344, 7);
  });
});
