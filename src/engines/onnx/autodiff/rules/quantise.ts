import { DType, numbersOf, read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

/**
 * Quantisation is a staircase: its derivative is 0 wherever it exists. Where the card asks for it, gradients pass
 * straight through (Bengio et al. 2013, arXiv:1308.3432): as through the identity within the range of the integers,
 * and 0 beyond, as PyTorch's fake quantisation.
 */
function requireStraightThrough(site: Site): void {
  if (site.straightThrough) return;
  site.fail(
    'it quantises, so that its derivative is 0 wherever it exists',
    "Explainers that need scores only still work. 'quantisation: straight-through' in the card lets gradients pass " +
      'it as if it were not there.',
  );
}

/** The scale or zero point, one number or one for each place along `axis`, in a shape that broadcasts with x. */
function parameter(site: Site, input: number, otherwise: number): string | number {
  const value = site.value(input);
  if (!value) return site.has(input) ? site.fail(`its input ${input} must be constant`) : otherwise;
  const numbers = numbersOf(value);
  if (numbers.length === 1) return numbers[0]!;
  const rank = site.rank(site.x());
  const axis = site.axis(read.int(site.node, 'axis', 1));
  return site.e.constant(
    Array.from({ length: rank }, (_, i) => (i === axis ? numbers.length : 1)),
    numbers,
  );
}

/** The integers that a quantised type holds. */
const RANGES: Readonly<Record<number, readonly [low: number, high: number]>> = {
  [DType.uint8]: [0, 255],
  [DType.int8]: [-128, 127],
  [DType.uint16]: [0, 65535],
  [DType.int16]: [-32768, 32767],
};

/** q = x/s + z, rounded and clipped: g/s within the range of q's type. */
export const quantizeLinear = defineRule(['QuantizeLinear', 'com.microsoft:QuantizeLinear'], site => {
  const { e, g } = site;
  return [
    () => {
      requireStraightThrough(site);
      const scale = parameter(site, 1, 1);
      const type = site.dtype(site.y());
      const [low, high] = RANGES[type] ?? site.fail(`its integers are of a type (${type}) whose range is not known`);
      const place = e.add(e.div(site.x(), scale), parameter(site, 2, 0));
      const inside = e.and(e.greater(place, low - 0.5), e.less(place, high + 0.5));
      return e.where(inside, e.div(g, scale), 0);
    },
  ];
});

/** y = (q − z)·s: g·s. */
export const dequantizeLinear = defineRule(['DequantizeLinear', 'com.microsoft:DequantizeLinear'], site => [
  () => {
    requireStraightThrough(site);
    return site.e.mul(site.g, parameter(site, 1, 1));
  },
]);
