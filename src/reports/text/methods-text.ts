import type { Manifest } from '../../results/rows.ts';
import type { Analysis } from '../analysis/analysis.ts';
import { primaryEntry } from '../analysis/verdict.ts';
import type { RunSummary } from '../summary/collect.ts';
import { bibtexOf } from './bibtex.ts';
import { listed, percent, plural } from './format.ts';
import { hardwareLine } from './provenance-lines.ts';
import { STATISTICS_BIBTEX } from './statistics-references.ts';
import { scopeText } from './trainings-words.ts';
import { explainedText, givesValues } from './words.ts';

/** What a paper's methods section must say of a run: paragraphs in plain text, under short headings. */
export function methodsText(
  manifest: Manifest,
  summary: RunSummary,
  { models, settings, trainings }: Analysis,
): readonly { readonly title: string; readonly text: string }[] {
  const samples = new Set(summary.samples.map(s => s.sample)).size;
  const patients = new Set(summary.samples.map(s => s.patient)).size;
  const explainers = manifest.methods.filter(m => m.role === 'method');
  const controls = [...new Set(manifest.methods.filter(m => m.role === 'control').map(m => m.name))];
  const [first] = models;
  const primary = first && primaryEntry(first)?.metric;
  const withBaseline = ({ id, baseline }: { readonly id: string; readonly baseline?: string }) =>
    baseline === undefined ? id : `${id} (baseline ${baseline})`;
  return [
    {
      title: 'Data and models',
      text:
        `${plural(samples, 'image')} of ${plural(patients, 'patient')} from ${manifest.dataset.name} (digest ${manifest.dataset.digest.slice(0, 12)}) were ${givesValues(manifest.models) ? 'measured' : 'classified'} by ` +
        `${listed(manifest.models.map(m => `${m.id} (${m.classes.join(', ')}; digest ${m.digest.slice(0, 12)})`))}. ` +
        `${explainedText(manifest).replace(/^./, first => first.toUpperCase())}.`,
    },
    {
      title: 'Explainers and controls',
      text:
        `${plural(explainers.length, 'explainer')} were compared: ${listed(explainers.map(withBaseline))}. ` +
        (controls.length > 0
          ? `Controls, which are never ranked: ${listed(controls)}.`
          : 'There were no controls, so nothing says whether a map is better than chance.'),
    },
    {
      title: 'Metrics',
      text:
        `Maps were scored by ${listed(manifest.metrics.map(withBaseline))}. ` +
        (primary
          ? `The primary metric was ${primary.title}${settings.declared ? ', declared before the run' : ', chosen by the report’s rule and not declared before the run'}${manifest.analysis?.changed ? ', and declared otherwise when the run began' : ''}. All others are exploratory.`
          : ''),
    },
    {
      title: 'Statistics',
      text: [
        `The primary analysis was of all images${givesValues(manifest.models) ? '' : ' whose reference was positive, explained for the positive class, whatever was predicted'} (${listed(models.map(m => `${m.model.id}: ${plural(m.primary.samples.size, 'image')} of ${plural(m.primary.patients, 'patient')}`))}). Other strata were described apart and never pooled with it.`,
        'Estimates are means over patients of the means within patients, with 95 % bootstrap-t intervals over patients (Efron and Tibshirani 1993), Clopper and Pearson’s with effective numbers of images for proportions (Korn and Graubard 1998), and Newcombe’s score interval with Obuchowski’s variance for the AUC (Newcombe 2006, Obuchowski 1997).',
        'Explainers were called separated where three single-step max-T procedures over all pairs agreed at a family-wise error of .05: sign flips of patients (Westfall and Young 1993), the studentised bootstrap of patients (Romano and Wolf 2005), and the same corrected for skewness (Hall 1992). Ranks are simultaneous 95 % rank sets (Al Mohamad et al. 2022). Verdicts against controls are adjusted in the same way within metric, model and stratum.',
        `Explainers with values for less than ${percent(settings.least)} of the images were left out of the order by name. No order is given below 12 patients; below 24 it is exploratory. An order that a stratum turned round was withheld.`,
        ...(trainings.length > 0
          ? [
              `Trainings of one recipe (${listed(trainings.map(t => `${t.group}: ${t.models.length}`))}) were a level of their own: analysis of variance of trainings × patients, both random (Obuchowski and Rockette 1995, Hillis 2007), with Satterthwaite’s degrees of freedom; p values of pairs by Holm’s rule. Below five trainings they are described only.`,
            ]
          : []),
      ].join(' '),
    },
    {
      title: 'Software',
      text:
        `${Object.entries(manifest.versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(', ')}; ${hardwareLine(manifest)}. ` +
        `Seed ${manifest.seed}; plan ${manifest.planDigest.slice(0, 12)}. Command: ${manifest.command}`,
    },
    {
      title: 'Limits',
      text: `${scopeText(trainings, models)} Controls can refute a metric, and never certify it. Localisation says where a reader drew, not what a model uses. That explainers are not separated does not make them equal.`,
    },
  ];
}

/** BibTeX of all explainers and metrics of the run, and of the statistics. */
export function bibliography({ methods, metrics }: Manifest): string {
  return `${bibtexOf([...methods, ...metrics], STATISTICS_BIBTEX)}\n`;
}
