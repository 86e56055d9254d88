import type { ModelAnalysis } from '../analysis/analysis.ts';
import { table } from '../page/html-table.ts';
import { html, type Markup } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { countOf } from '../summary/tally.ts';
import { group, plural } from '../text/format.ts';
import { byModel, markdownTable } from '../text/markdown.ts';
import { outcomeLines } from '../text/outcome-lines.ts';

/** What has no value, and why: nothing is dropped silently. */
export function outcomesSection({ analysis: { models } }: ReportContext): Section {
  const page = html`<p class="note">Undefined: the value has no meaning there. Skipped: not applicable. Failed: something broke. None of them enters a mean as a number. Reasons that differ in numbers or names only are counted together.</p>
${models.map(model => part(model, models.length > 1))}`;
  return { id: 'outcomes', title: 'Outcomes', html: page, markdown: byModel(models, markdownOf) };
}

function part(model: ModelAnalysis, several: boolean): Markup {
  const { maps, metrics, others, answered, explained, images } = model;
  const results = metrics.flatMap(m => [...m.methods, ...m.controls]);
  const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
  const line = (what: string, ok: number, tallies: readonly Parameters<typeof countOf>[0][], notRun: number) => [
    what,
    group(ok),
    ...(['undefined', 'skipped', 'failed'] as const).map(s => group(sum(tallies.map(t => countOf(t, s))))),
    group(notRun),
  ];
  const mapsPlanned = explained * (metrics[0] ? metrics[0].methods.length + metrics[0].controls.length : maps.length);
  const mapsOk = sum(maps.map(m => m.ok.size));
  const counts = table(
    `All rows${several ? ` of ${model.model.id}` : ''} by status`,
    [
      { title: 'Rows' },
      ...['OK', 'Undefined', 'Skipped', 'Failed', 'Not run'].map(title => ({ title, numeric: true })),
    ],
    [
      {
        rows: [
          line(
            model.model.task === 'regression' ? 'Images with a value' : 'Images classified',
            answered,
            [others],
            Math.max(0, images - answered - countOf(others)),
          ),
          line(
            'Maps',
            mapsOk,
            maps.map(m => m.others),
            Math.max(0, mapsPlanned - mapsOk - sum(maps.map(m => countOf(m.others)))),
          ),
          line(
            'Values',
            sum(results.map(r => r.all.ok)),
            results.map(r => r.all.others),
            sum(results.map(r => r.all.notRun)),
          ),
        ],
      },
    ],
  );
  const lines = outcomeLines(model);
  const rest =
    explained < answered
      ? html`<p class="note">The other ${plural(answered - explained, 'image')} ${answered - explained === 1 ? 'is' : 'are'} not explained: the suite explains the positive images, and has the others classified only.</p>`
      : undefined;
  if (lines.length === 0) return html`${counts}${rest}<p>Every image, map and value that was run is ok.</p>`;
  const reasons = table(
    `Reasons${several ? ` on ${model.model.id}` : ''}`,
    [
      { title: 'Status' },
      { title: 'Rows', numeric: true },
      { title: 'What', style: 'wide' },
      { title: 'Reason', style: 'wide' },
    ],
    [
      {
        rows: lines.map(({ status, count, what, reason, varied }) => [
          status,
          group(count),
          what,
          varied ? html`${reason} <small class="soft">(and alike)</small>` : reason,
        ]),
      },
    ],
  );
  return html`${counts}${rest}${lines.length > 20 ? html`<details><summary>${plural(lines.length, 'reason')}</summary>${reasons}</details>` : reasons}`;
}

function markdownOf(model: ModelAnalysis): string[] {
  const lines = outcomeLines(model);
  if (lines.length === 0) return ['Every image, map and value that was run is ok.'];
  return [
    markdownTable(
      ['Status', 'Rows', 'What', 'Reason'],
      lines.map(l => [l.status, group(l.count), l.what, l.reason + (l.varied ? ' (and alike)' : '')]),
      [1],
    ),
  ];
}
