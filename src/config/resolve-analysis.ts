import type { ModelCard } from '../core/contracts/index.ts';
import { CtXaiError, nearest } from '../core/errors.ts';
import type { PlannedAnalysis, PlannedExplainer, PlannedMetric } from './plan.ts';
import type { Suite } from './schema.ts';
import type { CheckContext } from './validate.ts';

interface Parts {
  readonly explainers: readonly PlannedExplainer[];
  readonly metrics: readonly PlannedMetric[];
  readonly place: CheckContext['place'];
  /** Whether metrics are audited by a known truth. */
  readonly audited: boolean;
}

/**
 * What the suite declares of its analysis.
 * @throws CtXaiError SUITE for a metric or explainer that the suite does not have, a primary metric that explainers
 *   cannot be ranked by, or a mean of metrics of which some are better higher and some lower.
 */
export function resolveAnalysis({ analysis }: Suite, { explainers, metrics, place, audited }: Parts): PlannedAnalysis {
  const { primary, smallest, reference, strata, least, audit } = analysis;
  const at = (...keys: string[]) => place(['analysis', ...keys]);
  const ids = primary === undefined ? undefined : [...new Set([primary].flat())];
  const chosen = (ids ?? []).map(id => partNamed(metrics, id, `${at('primary')}: analysis.primary`, 'metric'));
  for (const { id, metric } of chosen) {
    const why =
      metric.scope === 'group'
        ? 'has one value for all images'
        : metric.rankable
          ? ''
          : 'describes maps and ranks none';
    if (why) throw new CtXaiError('SUITE', `${at('primary')}: '${id}' cannot be the primary metric: it ${why}.`);
  }
  if (new Set(chosen.map(({ metric }) => metric.better)).size > 1) {
    throw new CtXaiError(
      'SUITE',
      `${at('primary')}: these metrics have no mean: ${chosen.map(m => m.id).join(', ')}.`,
      {
        hint: 'In some of them higher is better, in others lower. Name one, or some that agree.',
      },
    );
  }
  for (const id of typeof smallest === 'object' ? Object.keys(smallest) : []) {
    partNamed(metrics, id, `${at('smallest', id)}: analysis.smallest`, 'metric');
  }
  if (reference !== undefined) {
    const methods = explainers.filter(({ explainer }) => explainer.role === 'method');
    partNamed(methods, reference, `${at('reference')}: analysis.reference`, 'explainer');
  }
  return {
    ...(ids === undefined ? {} : { primary: ids }),
    ...(smallest === undefined ? {} : { smallest }),
    ...(reference === undefined ? {} : { reference }),
    strata: [...new Set(strata)],
    least,
    ...(audited && audit > 0 ? { audit } : {}),
  };
}

/** The cards with the suite's own positive class, where it names one. @throws CtXaiError SUITE if a model lacks it. */
export function withPositive(
  cards: readonly ModelCard[],
  { analysis }: Suite,
  place: CheckContext['place'],
): readonly ModelCard[] {
  const name = analysis.class;
  if (name === undefined) return cards;
  return cards.map(card => {
    if (card.classes.includes(name)) return { ...card, positive: name };
    const near = nearest(name, card.classes);
    throw new CtXaiError('SUITE', `${place(['analysis', 'class'])}: '${name}' is no class of the model '${card.id}'.`, {
      hint: `${near ? `Did you mean '${near}'? ` : ''}Classes: ${card.classes.join(', ')}.`,
    });
  });
}

function partNamed<T extends { readonly id: string }>(parts: readonly T[], id: string, where: string, what: string): T {
  const found = parts.find(part => part.id === id);
  if (found) return found;
  const near = nearest(
    id,
    parts.map(part => part.id),
  );
  throw new CtXaiError('SUITE', `${where}: this suite has no ${what} '${id}'.`, {
    hint: `${near ? `Did you mean '${near}'? ` : ''}It has: ${parts.map(part => part.id).join(', ')}.`,
  });
}
