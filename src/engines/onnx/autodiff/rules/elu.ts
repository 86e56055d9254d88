import { read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

/** g·(gain for x > 0, else slope). */
function twoSided(site: Site, gain: number, slope: string): string {
  const { e, g } = site;
  return e.mul(g, e.where(e.greater(site.x(), 0), gain, slope));
}

/** y = x or α(eˣ − 1): g·(1 or y + α). */
export const elu = defineRule('Elu', site => [
  () => twoSided(site, 1, site.e.add(site.y(), read.float(site.node, 'alpha', 1))),
]);

/** y = γx or γα(eˣ − 1): g·(γ or y + γα). */
export const selu = defineRule('Selu', site => {
  const alpha = read.float(site.node, 'alpha', 1.6732631921768188);
  const gamma = read.float(site.node, 'gamma', 1.0507010221481323);
  return [() => twoSided(site, gamma, site.e.add(site.y(), alpha * gamma))];
});

/** y = x or α(e^(x/α) − 1): g·(1 or y/α + 1). */
export const celu = defineRule('Celu', site => {
  const alpha = read.float(site.node, 'alpha', 1);
  return [() => twoSided(site, 1, site.e.add(site.e.div(site.y(), alpha), 1))];
});
