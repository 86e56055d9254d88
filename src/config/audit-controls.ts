import type { Dataset } from '../core/contracts/index.ts';
import type { Suite, SuitePart } from './schema.ts';

/** Maps that a short audit may add, as a share of those that there are. */
const MOST_SHORT = 0.3;

const MIXED: Readonly<Record<'short' | 'full', readonly SuitePart[]>> = {
  short: ['oracle-mixed'],
  full: [25, 50, 75].map(share => ({
    use: 'oracle-mixed',
    id: `oracle-mixed-${share}`,
    options: { share: share / 100 },
  })),
};

/**
 * The suite with the controls that its audit needs and that it has not: the truth by intervention, whole and mixed.
 * Data without factors has no truth, and gets none.
 * @param maps explainers and controls that the suite has
 */
export async function withAuditControls(suite: Suite, dataset: Dataset, maps: number): Promise<Suite> {
  if (suite.audit === 'off' || !(await hasFactors(dataset))) return suite;
  const has = new Set(suite.controls.map(control => (typeof control === 'string' ? control : control.use)));
  const nameOf = (part: SuitePart) => (typeof part === 'string' ? part : part.use);
  const wanted = ['oracle', ...MIXED[suite.audit]].filter(part => !has.has(nameOf(part)));
  const added = suite.audit === 'full' ? wanted : wanted.slice(0, Math.floor(MOST_SHORT * maps));
  return { ...suite, controls: [...suite.controls, ...added] };
}

async function hasFactors(dataset: Dataset): Promise<boolean> {
  for await (const { factors } of dataset.samples()) return (factors?.length ?? 0) > 0;
  return false;
}
