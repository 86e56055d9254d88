import { printable } from '../../core/printable.ts';
import type { Analysis } from '../analysis/analysis.ts';
import { verdictOf } from '../analysis/verdict.ts';
import type { Section } from '../page/section.ts';
import type { RunData } from '../summary/run-data.ts';
import { listed, plural } from '../text/format.ts';
import { markdownText } from '../text/markdown.ts';
import { explainedText } from '../text/words.ts';

/** The report in GitHub's Markdown: the sections that have such a form. Curves and images are in the page only. */
export function renderMarkdown(
  { manifest, summary }: RunData,
  analysis: Analysis,
  sections: readonly Section[],
): string {
  const samples = new Set(summary.samples.map(s => s.sample)).size;
  const patients = new Set(summary.samples.map(s => s.patient)).size;
  const blocks = [
    `# ${markdownText(verdictOf(manifest, analysis).question)}`,
    `${markdownText(manifest.name)}: ${plural(samples, 'image')} of ${plural(patients, 'patient')} from ${markdownText(manifest.dataset.name)}; ` +
      `${markdownText(listed(manifest.models.map(m => m.id)))}; ${markdownText(explainedText(manifest))}; ` +
      `run ${manifest.state}. Curves and images are in index.html.`,
    ...sections.flatMap(({ title, markdown }) =>
      markdown.length > 0 ? [`## ${markdownText(title)}`, ...markdown] : [],
    ),
  ];
  return printable(`${blocks.filter(Boolean).join('\n\n')}\n`);
}
