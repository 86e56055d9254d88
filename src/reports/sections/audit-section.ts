import type { ModelAnalysis } from '../analysis/analysis.ts';
import type { AuditEntry, AuditVerdict } from '../analysis/audit.ts';
import type { Repeated } from '../analysis/audit-stability.ts';
import { table } from '../page/html-table.ts';
import { html } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { AUDIT_WORDS } from '../text/audit-words.ts';
import { compact, plural } from '../text/format.ts';
import { byModel, markdownTable } from '../text/markdown.ts';

const ABOUT =
  'Can a metric tell a right map from a wrong one? Where lesions can be taken out of an image, it is known what moves the ' +
  'score: that is the truth by intervention, and the control oracle is its map. Without a known truth, controls can refute ' +
  'a metric, and nothing can support it.';

/** What each verdict asks for; those that occur are explained. */
const MEANINGS: Readonly<Record<AuditVerdict, string>> = {
  supported:
    'on patients that no explainer is ranked by, the metric prefers the truth to every map that knows nothing of the ' +
    'model and to the truth about another model, and its score falls as the truth is mixed with a shuffled map.',
  contradicted: 'the metric prefers a map that knows nothing of the model.',
  'not shown': 'it is open whether the metric can be believed. The last column says what was seen.',
  'supported elsewhere': 'it was supported for this model on data with a known truth. Here the truth is not known.',
  'control-dominated': 'a map that knows nothing of the model scores better than every explainer.',
  untested:
    'nothing here speaks for or against the metric: it is not known what the model uses, or there is no control to compare with.',
};
const EARLIER =
  'Earlier audit: what the audit that comes with the model (audit.json) found for the same metric on other patients.';
const NUMBERS =
  'Verdicts are adjusted for the number of metrics by Holm’s rule. Detectable difference: what this number of patients ' +
  'would show with a probability of 80 %; for planning.';

const STABILITY =
  'A metric was computed again with one thing changed that should not matter. τ says how far the explainers come in the same ' +
  'order: 1 is the same order, 0 no relation, −1 the reverse; in brackets its 95 % interval over patients. Moved: the median ' +
  'change of a single value, in the metric’s unit.';

/** Which of the run's metrics can be believed here. */
export function auditSection({ run: { manifest }, analysis: { models } }: ReportContext): Section | undefined {
  const told = models.filter(({ audit, stability }) => audit.length > 0 || stability.length > 0);
  if (told.length === 0) return undefined;
  const audit = manifest.auditPatients?.length ?? 0;
  const about =
    audit === 0
      ? ABOUT
      : `${ABOUT} ${plural(audit, 'patient')} ${audit === 1 ? 'is' : 'are'} set apart for this; no explainer is ranked by them.`;
  const earlier = told.some(m => m.audit.some(e => e.earlier));
  const head = [
    'Metric',
    'Verdict',
    'Oracle − closest control',
    'Detectable difference',
    'Why',
    ...(earlier ? ['Earlier audit'] : []),
  ];
  const repeated = told.filter(({ stability }) => stability.length > 0);
  const stabilityHead = ['Metric', 'Changed to', 'τ of the order', 'Moved', 'Best explainer'];
  const verdicts = (Object.keys(AUDIT_WORDS) as AuditVerdict[]).filter(v =>
    told.some(m => m.audit.some(e => e.verdict === v)),
  );
  const notes = [...(told.some(m => m.audit.some(e => e.closest)) ? [NUMBERS] : []), ...(earlier ? [EARLIER] : [])];
  const numbers = notes.length > 0 ? notes.join(' ') : undefined;
  return {
    id: 'audit',
    title: 'Audit of the metrics',
    html: html`<p>${about}</p><ul class="small">${verdicts.map(v => html`<li><b>${AUDIT_WORDS[v]}</b>: ${MEANINGS[v]}</li>`)}</ul>${told.map(
      model =>
        html`${table(
          `Audit${models.length > 1 ? `, ${model.model.id}` : ''}`,
          head.map((title, i) => ({
            title,
            ...(i === 0 ? { style: 'name' } : i === 2 ? { style: 'roomy' } : i === 4 ? { style: 'wide' } : {}),
          })),
          [{ rows: rowsOf(model, earlier) }],
        )}${untriedOf(model).map(text => html`<p class="note">${text}</p>`)}`,
    )}${repeated.length > 0 ? html`<h3>Stability</h3><p>${STABILITY}</p>` : undefined}${repeated.map(
      model =>
        html`${table(
          `Stability${models.length > 1 ? `, ${model.model.id}` : ''}`,
          stabilityHead.map((title, i) => ({ title, ...(i === 0 ? { style: 'name' } : {}) })),
          [{ rows: stabilityRows(model) }],
        )}`,
    )}${numbers ? html`<p class="note">${numbers}</p>` : undefined}`,
    markdown: [
      about,
      verdicts.map(v => `- **${AUDIT_WORDS[v]}**: ${MEANINGS[v]}`).join('\n'),
      ...byModel(
        told,
        model => [markdownTable(head, rowsOf(model, earlier), []), ...untriedOf(model)],
        models.length > 1,
      ),
      ...(numbers ? [numbers] : []),
      ...(repeated.length > 0
        ? [
            `### Stability\n\n${STABILITY}`,
            ...byModel(repeated, model => [markdownTable(stabilityHead, stabilityRows(model), [])], models.length > 1),
          ]
        : []),
    ],
  };
}

function rowsOf({ audit }: ModelAnalysis, earlier: boolean): string[][] {
  return audit.map(e => [
    e.metric,
    AUDIT_WORDS[e.verdict],
    differenceOf(e),
    e.detectable === undefined ? '–' : compact(e.detectable),
    e.reason,
    ...(earlier ? [earlierOf(e)] : []),
  ]);
}

/** 'contradicted on phantom v2 (64 patients)'. */
function earlierOf({ earlier }: AuditEntry): string {
  return earlier ? `${earlier.verdict} on ${earlier.data} (${plural(earlier.patients, 'patient')})` : '–';
}

function stabilityRows({ stability }: ModelAnalysis): string[][] {
  return stability.flatMap(({ metric, repeated }) =>
    repeated.map(({ to, order, moved, best, explainers }) => [
      metric,
      to,
      tauOf(order, explainers),
      compact(moved),
      best ? `${best[0]}, then ${best[1]}` : explainers > 1 ? 'the same' : '–',
    ]),
  );
}

function tauOf({ tau, interval }: Repeated['order'], explainers: number): string {
  if (tau === null) return explainers < 2 ? 'one explainer has no order' : 'no order';
  return interval ? `${compact(tau)} (${compact(interval[0])} to ${compact(interval[1])})` : compact(tau);
}

/** What was not tried for any of the model's metrics, and how to try it. */
function untriedOf({ audit }: ModelAnalysis): string[] {
  const untried = [...new Set(audit.flatMap(e => e.untried ?? []))];
  if (untried.length === 0) return [];
  return [
    `No metric can be called supported here, since these checks were not made: ${untried.join('; ')}. ‘audit: short’ in the suite makes them; the truth about another model takes a second model.`,
  ];
}

function differenceOf({ closest }: AuditEntry): string {
  if (!closest) return '–';
  const interval =
    closest.low === null || closest.high === null ? '' : ` (${compact(closest.low)} to ${compact(closest.high)})`;
  return `${compact(closest.mean)}${interval}, ${closest.control}`;
}
