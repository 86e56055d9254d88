import type { Finding } from '../analysis/analysis.ts';
import { html } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { markdownText } from '../text/markdown.ts';

const KINDS: readonly [Finding['kind'], string][] = [
  ['can', 'What this run shows'],
  ['caution', 'To bear in mind'],
  ['cannot', 'What it cannot tell'],
];

/** Behind the verdict: all that may be concluded, and what may not. */
export function conclusionsSection({ analysis: { findings } }: ReportContext): Section {
  const page = html`<div class="findings">${KINDS.map(([kind, title]) => {
    const texts = findings.filter(f => f.kind === kind).map(f => f.text);
    if (texts.length === 0 && kind !== 'can') return undefined;
    return html`<div class="${kind}"><h3>${title}</h3>${
      texts.length > 0
        ? html`<ul>${texts.map(text => html`<li>${text}</li>`)}</ul>`
        : html`<p class="small">Nothing by the primary metric.</p>`
    }</div>`;
  })}</div>`;
  return { id: 'conclusions', title: 'Findings in full', html: page, markdown: markdownOf(findings) };
}

function markdownOf(findings: readonly Finding[]): string[] {
  const parts = KINDS.map(([kind, title]) => {
    const lines = findings.filter(f => f.kind === kind).map(f => `- ${markdownText(f.text)}`);
    if (lines.length > 0) return `**${title}**\n\n${lines.join('\n')}`;
    return kind === 'can' ? 'Nothing by the primary metric.' : '';
  });
  return parts.filter(part => part !== '');
}
