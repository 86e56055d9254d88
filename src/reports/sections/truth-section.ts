import type { ModelAnalysis } from '../analysis/analysis.ts';
import { MOST_INTERACTION } from '../analysis/outcome-strata.ts';
import type { TruthAnalysis } from '../analysis/truth.ts';
import { table } from '../page/html-table.ts';
import { html } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { compact, fixed, percent, plural } from '../text/format.ts';
import { byModel, markdownTable } from '../text/markdown.ts';
import { intervalText } from '../text/words.ts';

const ABOUT =
  'What the model uses is known here: factors of the image (lesions, distractors, confounders) were switched off in every ' +
  'combination, and the change of the score is a fact. A factor’s effect is its Shapley value.';

const SWAP =
  'Model swap: how much better a map is by the truth about its own model than by the truth about the other, on the same ' +
  'image. Above 0 the map shows what this model does. Both: the mean over the two models; it is 0 for a map that does not ' +
  'look at the model.';

/** How much of the score the known truth accounts for, and whether maps follow their own model's truth. */
export function truthSection({ analysis: { models } }: ReportContext): Section | undefined {
  const told = models.flatMap(model => (model.truth ? [{ ...model, truth: model.truth }] : []));
  if (told.length === 0) return undefined;
  const head = ['Metric', 'Map', 'Model swap', '95 % interval', 'Both', '95 % interval', 'Patients'];
  return {
    id: 'truth',
    title: 'Truth by intervention',
    html: html`<p>${ABOUT}</p>${told.map(
      ({ model, truth }) =>
        html`${told.length > 1 ? html`<h3>${model.id}</h3>` : undefined}<ul>${sentencesOf(truth).map(text => html`<li>${text}</li>`)}</ul>${
          truth.swaps.length > 0
            ? table(
                `Model swap${told.length > 1 ? `, ${model.id}` : ''}`,
                head.map((title, i) => ({ title, ...(i < 2 ? { style: 'name' as const } : { numeric: true }) })),
                [{ rows: swapRows(truth) }],
              )
            : undefined
        }`,
    )}${told.some(m => m.truth.swaps.length > 0) ? html`<p class="note">${SWAP}</p>` : undefined}`,
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
      ...(told.some(m => m.truth.swaps.length > 0) ? [SWAP] : []),
    ],
  };
}

function sentencesOf(truth: TruthAnalysis): string[] {
  const { images, patients, totalEffect, lesionsUsed, covered } = truth;
  const { interaction, interactionIndex, interacting } = truth;
  return [
    `Effects are known of ${plural(images, 'image')} of ${plural(patients, 'positive patient')}. Together they are ${compact(totalEffect)} log-odds in size (mean).`,
    thresholdSentence(truth),
    lesionsUsed === 0
      ? 'This model ignores the lesions: in none of the images does a lesion move the score. Metrics that look for lesions do not tell what it uses.'
      : `A lesion moves the score in ${plural(lesionsUsed, 'image')} of ${images}.`,
    `Interaction, the share of what the factors do that single effects do not explain (1 − R²): ${fixed(interaction, 3)}; interaction index ${fixed(interactionIndex, 3)} (means). ` +
      `Effects interact (over ${MOST_INTERACTION}) in ${plural(interacting, 'image')} and add up in ${plural(images - interacting, 'image')}. Where they interact no map that adds up can be right.`,
    `${percent(covered, 1)} of what the factors change (Σ|ΔHU|) lies in the regions that maps are scored on.`,
    ...(truth.backgroundSd === undefined
      ? ['Too few patients to tell how much the rest of the image moves the score.']
      : [
          `Without any factor the score still varies between patients, with an SD of ${compact(truth.backgroundSd)} log-odds. ` +
            (truth.incomplete
              ? 'That is more than half of the effects: the model relies on the background as well, and the truth is incomplete.'
              : 'That is at most half of the effects: the factors account for most of the score.'),
        ]),
  ];
}

/** How large an effect must be to count, and what that rests on. */
export function thresholdSentence({ threshold, placebos }: TruthAnalysis): string {
  const size = `An effect of at most ${compact(threshold)} log-odds is not told from none`;
  if (!placebos) return `${size}. This size is a convention: no placebos were measured.`;
  const { placebos: count, patients, percentile } = placebos;
  return (
    `${size}. 99 % of ${plural(count, 'placebo')} of ${plural(patients, 'other patient')}, copies that differ by chance alone, move the ` +
    `score by less than ${compact(percentile)}; ${compact(threshold)} is the upper 95 % bound of that, resampling patients.`
  );
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
