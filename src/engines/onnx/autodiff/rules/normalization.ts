import { read } from '../../graph/graph.ts';
import type { Dims } from '../emit.ts';
import { defineRule, type Rule } from '../rule.ts';
import type { Site } from '../site.ts';

/** x̂ = (x − mean)/√(var + ε) over `axes`, and 1/√(var + ε). */
function standardise(
  site: Site,
  x: string,
  axes: readonly number[],
  epsilon: number,
): { hat: string; inverse: string } {
  const { e } = site;
  const centred = e.sub(x, e.mean(x, axes));
  const inverse = e.div(1, e.sqrt(e.add(e.mean(e.square(centred), axes), epsilon)));
  return { hat: e.mul(centred, inverse), inverse };
}

/** What goes back through x̂ where g comes to it. */
type Through = (site: Site, g: string, x: string, axes: readonly number[], epsilon: number) => string;

/** (g − mean g − x̂·mean(g·x̂))/√(var + ε), means over `axes`. */
const throughStandardise: Through = (site, g, x, axes, epsilon) => {
  const { e } = site;
  const { hat, inverse } = standardise(site, x, axes, epsilon);
  const along = e.mul(hat, e.mean(e.mul(g, hat), axes));
  return e.mul(e.sub(e.sub(g, e.mean(g, axes)), along), inverse);
};

/** (g − mean g)/√(var + ε): the deviation is taken as a constant. */
const throughCentring: Through = (site, g, x, axes, epsilon) => {
  const { e } = site;
  return e.mul(e.sub(g, e.mean(g, axes)), standardise(site, x, axes, epsilon).inverse);
};

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

/** y = γ·x̂ + β, x̂ standardised over the axes from `axis` on. */
const layerNormalization = (back: Through): Rule =>
  defineRule('LayerNormalization', site => {
    const { e, g } = site;
    const rank = site.rank(site.x());
    const axes = range(site.axis(read.int(site.node, 'axis', -1)), rank);
    const epsilon = read.float(site.node, 'epsilon', 1e-5);
    return [
      () => back(site, e.mul(g, site.x(1)), site.x(), axes, epsilon),
      () => site.reduce(e.mul(g, standardise(site, site.x(), axes, epsilon).hat), 1),
      () => site.reduce(g, 2),
    ];
  });

/** y = γ·x̂ + β per channel, x̂ standardised over the spatial axes. */
const instanceNormalization = (back: Through): Rule =>
  defineRule('InstanceNormalization', site => {
    const { e, g } = site;
    const rank = site.rank(site.x());
    const axes = range(2, rank);
    const epsilon = read.float(site.node, 'epsilon', 1e-5);
    const gamma = () => e.unsqueeze(site.x(1), range(1, rank - 1));
    return [() => back(site, e.mul(g, gamma()), site.x(), axes, epsilon)];
  });

/** y = γ·x̂ + β, x̂ standardised over each group of channels; γ and β per group (opset 18 to 20). */
const groupNormalization = (back: Through): Rule =>
  defineRule('GroupNormalization', site => {
    const { e, g } = site;
    const [n, c, ...spatial] = site.dims(site.x()) as [number | null, number, ...(number | null)[]];
    const groups = read.int(site.node, 'num_groups', 1);
    const grouped: Dims = [n, groups, c / groups, ...spatial];
    const epsilon = read.float(site.node, 'epsilon', 1e-5);
    return [
      () => {
        const gamma = e.reshape(site.x(1), [groups, 1, ...spatial.map(() => 1)]);
        const dims = site.dims(site.x());
        const scaled = e.mul(e.reshape(g, grouped, dims), gamma);
        const axes = range(2, grouped.length);
        const through = back(site, scaled, e.reshape(site.x(), grouped, dims), axes, epsilon);
        return e.reshape(through, dims, grouped);
      },
    ];
  });

/** y = (x − mean)/√(var + 1e-9) over `axes`. */
const meanVarianceNormalization = (back: Through): Rule =>
  defineRule('MeanVarianceNormalization', site => {
    const axes = (read.ints(site.node, 'axes') ?? [0, 2, 3]).map(a => site.axis(a));
    return [() => back(site, site.g, site.x(), axes, 1e-9)];
  });

/** y = x/‖x‖ₚ along an axis, p 1 or 2: (g − (y or sign x)·Σ g·y)/‖x‖. */
const lpNormalization = defineRule('LpNormalization', site => {
  const { e, g } = site;
  const x = site.x();
  const axis = site.axis(read.int(site.node, 'axis', -1));
  const p = read.int(site.node, 'p', 2);
  return [
    () => {
      const norm = p === 1 ? e.sum(e.abs(x), [axis]) : e.sqrt(e.sum(e.square(x), [axis]));
      const projected = e.mul(p === 1 ? e.sign(x) : site.y(), e.sum(e.mul(g, site.y()), [axis]));
      // A vector of zeros stays one: its gradient is 0, as its direction is not defined.
      return e.where(e.greater(norm, 0), e.div(e.sub(g, projected), norm), 0);
    },
  ];
});

const standardising = (back: Through): readonly Rule[] => [
  layerNormalization(back),
  instanceNormalization(back),
  groupNormalization(back),
  meanVarianceNormalization(back),
];

export const normalizations: readonly Rule[] = [...standardising(throughStandardise), lpNormalization];

/** By operator: the derivative as if the deviation that x̂ is divided by were a constant. */
export const withFixedDeviation: ReadonlyMap<string, Rule> = new Map(
  standardising(throughCentring).map(rule => [rule.operators[0]!, rule]),
);
