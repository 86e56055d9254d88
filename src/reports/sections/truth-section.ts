import type { ModelAnalysis } from '../analysis/analysis.ts';
import { MOST_INTERACTION } from '../analysis/outcome-strata.ts';
import type { TruthAnalysis } from '../analysis/truth.ts';
import { table } from '../page/html-table.ts';
import { html } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { compact, fixed, group, percent, plural } from '../text/format.ts';
import { byModel, markdownTable } from '../text/markdown.ts';
import { intervalText, SKEWED } from '../text/words.ts';

const ABOUT =
  'What the model uses is known here, by intervention: factors of the image (lesions, distractors, confounders) were ' +
  'switched off in every combination, and the change of the score was measured. A factor’s effect is its Shapley value.';

const SWAP =
  'Own − other: a map’s score by the truth about its own model, minus its score by the truth about the other model, on the ' +
  'same image. Above 0, the map shows what its own model does. The mean of both models is 0 for a map that does not look at ' +
  'the model.';

/** How much of the score the known truth accounts for, and whether maps follow their own model's truth. */
export function truthSection({ analysis: { models } }: ReportContext): Section | undefined {
  const told = models.flatMap(model => (model.truth ? [{ ...model, truth: model.truth }] : []));
  if (told.length === 0) return undefined;
  const head = ['Metric', 'Map', 'Own − other', '95 % interval', 'Mean of both models', '95 % interval', 'Patients'];
  return {
    id: 'truth',
    title: told.length > 1 ? 'What the models use' : 'What the model uses',
    html: html`<p>${ABOUT}</p>${told.map(
      ({ model, truth }) =>
        html`${told.length > 1 ? html`<h3>${model.id}</h3>` : undefined}<ul>${sentencesOf(truth).map(text => html`<li>${text}</li>`)}</ul>${
          truth.swaps.length > 0
            ? table(
                `Is a map better by its own model’s truth than by another’s?${told.length > 1 ? ` Maps of ${model.id}` : ''}`,
                head.map((title, i) => ({ title, ...(i < 2 ? { style: 'name' as const } : { numeric: true }) })),
                [{ rows: swapRows(truth) }],
              )
            : undefined
        }`,
    )}${swapNotes(told).map(text => html`<p class="note">${text}</p>`)}`,
    markdown: [
      ABOUT,
      ...byModel(
        told,
        ({ truth }: ModelAnalysis & { truth: TruthAnalysis }) => [
          sentencesOf(truth)
            .map(text => `- ${text}`)
            .join('\n'),
          ...(truth.swaps.length > 0 ? [markdownTable(head, swapRows(truth), [2, 3, 4, 5, 6])] : []),
        ],
        models.length > 1,
      ),
      ...swapNotes(told),
    ],
  };
}

function sentencesOf(truth: TruthAnalysis): string[] {
  const { images, patients, totalEffect, lesionsUsed, covered } = truth;
  const { interaction, interactionIndex, interacting } = truth;
  return [
    `The effects are known for ${plural(images, 'image')} of ${plural(patients, 'positive patient')}. The sizes of an image’s effects add up to ${compact(totalEffect)} log-odds (mean).`,
    thresholdSentence(truth),
    lesionsUsed === 0
      ? 'This model ignores the lesions: in none of the images does a lesion move the score. Metrics that look for lesions do not tell what it uses.'
      : `Lesions move the score in ${group(lesionsUsed)} of ${plural(images, 'image')}.`,
    `Do the effects simply add up? In ${plural(images - interacting, 'image')} they do; in ${plural(interacting, 'image')} they interact, and there no map whose pixels add up can be right. ` +
      `They are said to interact where a sum of single effects leaves more than ${MOST_INTERACTION} of the changes unexplained (1 − R²). Means over images: ${fixed(interaction, 3)} unexplained, interaction index ${fixed(interactionIndex, 3)}.`,
    `${percent(covered, 1)} of what the factors change in the image (Σ|ΔHU|) lies within the regions that maps are scored on.`,
    ...(truth.nonLocalEffect > 0
      ? [
          `Of the effects, ${compact(truth.nonLocalEffect)} log-odds in size (mean) are of factors that are everywhere in the image, such as brightness or a kernel. No map is scored on these.`,
        ]
      : []),
    ...(truth.backgroundSd === undefined
      ? ['Too few patients to tell how much the rest of the image moves the score.']
      : [
          `With all factors switched off, the score still varies between patients, with an SD of ${compact(truth.backgroundSd)} log-odds. ` +
            (truth.incomplete
              ? 'That is more than half of what the effects add up to: the model relies on the background as well, and the truth is incomplete.'
              : 'That is at most half of what the effects add up to: the factors account for most of the score.'),
        ]),
  ];
}

/** How large an effect must be to count, and what that rests on. */
export function thresholdSentence({ threshold, placebos }: TruthAnalysis): string {
  const size = `An effect of at most ${compact(threshold)} log-odds counts as none`;
  if (!placebos) return `${size}. This size is a convention: no placebos were measured.`;
  const { placebos: count, patients, percentile } = placebos;
  return (
    `${size}: chance alone does as much. It was measured by ${plural(count, 'placebo')}, copies of images of ${plural(patients, 'other patient')} that differ by chance. ` +
    `99 % of them move the score by less than ${compact(percentile)}; ${compact(threshold)} is the upper 95 % bound of that, resampling patients.`
  );
}

/** How the tables of swaps are to be read. */
function swapNotes(told: readonly { readonly truth: TruthAnalysis }[]): string[] {
  const swaps = told.flatMap(({ truth }) => truth.swaps);
  const shown = swaps.flatMap(({ own, both }) => (both ? [own, both] : [own]));
  return [
    ...(swaps.length > 0 ? [SWAP] : []),
    ...(shown.some(s => s.skewed) ? [SKEWED] : []),
    ...[...new Set(shown.flatMap(s => (s.low === null && s.note ? [s.note] : [])))].map(
      note => `Interval ‘none’: ${note}.`,
    ),
  ];
}

function swapRows({ swaps }: TruthAnalysis): string[][] {
  return swaps.map(({ metric, method, own, both }) => [
    metric,
    method.id,
    fixed(own.mean, 2),
    intervalText(own, 2),
    fixed(both?.mean, 2),
    both ? intervalText(both, 2) : '–',
    String(own.patients),
  ]);
}
