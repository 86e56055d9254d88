import type { AttributionKind, Explainer, Metric } from './contracts/index.ts';

/**
 * Whether a metric takes a map. Controls of their own, such as `random`, promise nothing of their values, and every metric
 * takes them: one that cannot tell them from what is right is not to be believed. A control that borrows another
 * explainer's map, such as `shuffled`, is of that one's kind.
 * @param borrowed whether the map is another explainer's
 */
export function takesMap(
  { kinds }: Pick<Metric, 'kinds'>,
  kind: AttributionKind,
  { role }: Pick<Explainer, 'role'>,
  borrowed: boolean,
): boolean {
  return kinds.includes(kind) || (role === 'control' && !borrowed);
}
