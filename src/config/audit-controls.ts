import type { Dataset } from '../core/contracts/index.ts';
import type { Suite, SuitePart } from './schema.ts';

/** Maps that a short audit may add, as a share of those that there are. */
const MOST_SHORT = 0.3;
/** Standard deviation, in pixels, by which an audit blurs maps that know nothing. */
const BLUR = 8;

const mixed = (share: number): SuitePart => ({
  use: 'oracle-mixed',
  id: `oracle-mixed-${100 * share}`,
  options: { share },
});
const blurred = (use: string): SuitePart => ({ use, id: `${use}-blurred`, options: { blur: BLUR } });

/**
 * The suite with the controls that its audit needs and that it has not: the truth by intervention, whole and mixed, and
 * that about another model; in full also maps that know nothing, blurred. Data without factors has no truth, and gets
 * none of it.
 * @param maps explainers and controls that the suite has
 */
export async function withAuditControls(suite: Suite, dataset: Dataset, maps: number): Promise<Suite> {
  if (suite.audit === 'off' || !(await hasFactors(dataset))) return suite;
  const has = new Set(suite.controls.map(nameOf));
  // In the order in which a short audit can least do without them.
  const others: SuitePart[] = suite.models.length > 1 ? ['oracle-other'] : [];
  const full = suite.audit === 'full';
  const truth = ['oracle', ...(full ? [0.25, 0.5, 0.75].map(mixed) : ['oracle-mixed']), ...others];
  const wanted = truth.filter(part => !has.has(nameOf(part)));
  const probes = full ? ['random', 'shuffled'].filter(use => has.has(use)).map(blurred) : [];
  const added = full ? [...wanted, ...probes] : wanted.slice(0, Math.floor(MOST_SHORT * maps));
  return { ...suite, controls: [...suite.controls, ...added] };
}

function nameOf(part: SuitePart): string {
  return typeof part === 'string' ? part : part.use;
}

async function hasFactors(dataset: Dataset): Promise<boolean> {
  for await (const { factors } of dataset.samples()) return (factors?.length ?? 0) > 0;
  return false;
}
