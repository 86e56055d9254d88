import { html } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { markdownText } from '../text/markdown.ts';
import { bibliography, methodsText } from '../text/methods-text.ts';

/** What a paper's methods section must say, with the sources as BibTeX. */
export function methodsSection({ run: { manifest, summary }, analysis }: ReportContext): Section {
  const parts = methodsText(manifest, summary, analysis);
  return {
    id: 'methods',
    title: 'Methods, for a paper',
    html: html`${parts.map(({ title, text }) => html`<p><b>${title}.</b> ${text}</p>`)}
<details><summary>BibTeX of everything used (also in methods.bib)</summary><pre><code>${bibliography(manifest)}</code></pre></details>`,
    markdown: [
      ...parts.map(({ title, text }) => `**${title}.** ${markdownText(text)}`),
      'BibTeX of everything used is in methods.bib; a checklist for reporting is in reporting.md.',
    ],
  };
}
