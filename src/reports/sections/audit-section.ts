import type { ModelAnalysis } from '../analysis/analysis.ts';
import type { AuditEntry, AuditVerdict } from '../analysis/audit.ts';
import { table } from '../page/html-table.ts';
import { html } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { compact, plural } from '../text/format.ts';
import { byModel, markdownTable } from '../text/markdown.ts';

const ABOUT =
  'A metric is asked whether it prefers the truth by intervention (the control oracle) to maps that know nothing of the ' +
  'model and to the truth about another model, and whether its score falls as the truth is mixed with a shuffled map. ' +
  'All of that, on patients that nothing is ranked by, supports it. A fixed control that beats the truth contradicts it. ' +
  'Metrics of robustness and randomisation are asked about maps whose right value is known by design. Without a known ' +
  'truth a metric can be refuted by its controls, and is never supported. P values are adjusted for all metrics by ' +
  'Holm’s rule. “Detectable” is the difference that as many patients show with a chance of 80 %: a figure for planning.';

const WORDS: Readonly<Record<AuditVerdict, string>> = {
  supported: 'supported',
  contradicted: 'contradicted',
  'not shown': 'not shown',
  'supported elsewhere': 'supported on a phantom, untested here',
  'control-dominated': 'control-dominated: do not rank',
  untested: 'untested here',
};

/** Which of the run's metrics can be believed here. */
export function auditSection({ run: { manifest }, analysis: { models } }: ReportContext): Section | undefined {
  const told = models.filter(({ audit }) => audit.length > 0);
  if (told.length === 0) return undefined;
  const audit = manifest.auditPatients?.length ?? 0;
  const about =
    audit === 0
      ? ABOUT
      : `${ABOUT} ${plural(audit, 'patient')} ${audit === 1 ? 'is' : 'are'} set apart for it; no explainer is ranked by them.`;
  const head = ['Metric', 'Verdict', 'Oracle − closest control', 'Detectable', 'Why'];
  return {
    id: 'audit',
    title: 'Audit of the metrics',
    html: html`<p>${about}</p>${told.map(model =>
      table(
        `Audit${models.length > 1 ? `, ${model.model.id}` : ''}`,
        head.map((title, i) => ({ title, ...(i === 0 ? { style: 'name' } : {}) })),
        [{ rows: rowsOf(model) }],
      ),
    )}`,
    markdown: [about, ...byModel(told, model => [markdownTable(head, rowsOf(model), [])], models.length > 1)],
  };
}

function rowsOf({ audit }: ModelAnalysis): string[][] {
  return audit.map(e => [
    e.metric,
    WORDS[e.verdict],
    differenceOf(e),
    e.detectable === undefined ? '–' : compact(e.detectable),
    e.reason,
  ]);
}

function differenceOf({ closest }: AuditEntry): string {
  if (!closest) return '–';
  const interval =
    closest.low === null || closest.high === null ? '' : ` (${compact(closest.low)} to ${compact(closest.high)})`;
  return `${compact(closest.mean)}${interval}, ${closest.control}`;
}
