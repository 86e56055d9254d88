import type { MetricAnalysis } from '../analysis/analysis.ts';
import { group, listed } from './format.ts';

/** Explainers named in one sentence; the tables have them all. */
const MOST_NAMED = 4;

/**
 * Which explainers are best by a metric that can rank them, as a clause: 'lime is best', 'lime and occlusion are not
 * separated for best', 'no explainer is separated from another'. A set that is not separated is never praised.
 */
export function orderText({ ranking, methods }: MetricAnalysis): string {
  if (!ranking) return 'fewer than two explainers have values';
  const { sets, pairs, reversals, reference } = ranking;
  if (reversals.length > 0) {
    const [first] = reversals;
    return `no order is shown, since the ${first!.stratum} reverse it (${first!.ahead} and ${first!.behind})`;
  }
  if (reference !== undefined) {
    const side = (pick: 'better' | 'worse') =>
      named(pairs.filter(p => p.significant && p[pick] !== reference).map(p => p[pick]));
    const [better, worse] = [side('better'), side('worse')];
    if (!better && !worse) return `no explainer is separated from the reference ${reference}`;
    const parts = [better && `better than the reference ${reference}: ${better}`, worse && `worse: ${worse}`];
    return parts.filter(Boolean).join('; ');
  }
  if (pairs.every(pair => !pair.significant))
    return 'no explainer is shown to be better than another; they may still differ';
  const order = methods.map(m => m.method.id).filter(id => sets.has(id));
  const leaders = order.filter(id => sets.get(id)![0] === 1);
  const [only] = leaders;
  if (leaders.length === 1 && sets.get(only!)![1] === 1) return `${only} is best`;
  return `${named(leaders)} are not separated for best`;
}

/** At most four names; beyond, how many. */
export function named(ids: readonly string[]): string {
  return ids.length > MOST_NAMED ? `${group(ids.length)} explainers` : listed(ids);
}
