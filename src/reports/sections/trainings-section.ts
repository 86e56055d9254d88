import { LEAST_TRAININGS, type TrainingsAnalysis } from '../analysis/trainings.ts';
import { table } from '../page/html-table.ts';
import { html } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { fixed, plural, pValue, signed } from '../text/format.ts';
import { markdownTable, markdownText } from '../text/markdown.ts';
import { trainingsText } from '../text/trainings-words.ts';

const ABOUT =
  'Models of one group are trainings of one recipe that differ in their seed alone. What holds of one of them need not hold ' +
  'of the next, however many patients there are. So the intervals below are of a further training and further patients.';
const HEAD = ['Explainer', 'Mean', '95 % interval', 'Spread between trainings', 'Means of the trainings', 'Patients'];
const NUMERIC = [1, 2, 3, 4, 5];
const PAIR_HEAD = ['Better', 'Worse', 'Difference', '95 % interval', 'p'];
const NOTE =
  'Spread: standard deviation between trainings, with the noise of patients taken off. An image counts where all trainings ' +
  'have its value.';

/** Several trainings of one recipe as a level of their own. */
export function trainingsSection({ analysis: { trainings } }: ReportContext): Section | undefined {
  if (trainings.length === 0) return undefined;
  return {
    id: 'trainings',
    title: 'Across trainings',
    html: html`<p>${ABOUT}</p>${trainings.map(
      entry =>
        html`<h3>${entry.group}</h3><p>${introOf(entry)}</p>${table(
          captionOf(entry),
          HEAD.map((title, i) => ({ title, numeric: NUMERIC.includes(i), ...(i === 0 ? { style: 'name' } : {}) })),
          [{ rows: rowsOf(entry) }],
        )}<p class="note">${NOTE}</p>${
          entry.pairs.length > 0
            ? html`<details><summary>Pairs of explainers</summary>${table(
                'Differences over trainings and patients; p by Holm’s rule',
                PAIR_HEAD.map((title, i) => ({ title, numeric: i > 1 })),
                [{ rows: pairRows(entry) }],
              )}</details>`
            : undefined
        }`,
    )}`,
    markdown: [
      ABOUT,
      ...trainings.flatMap(entry => [
        `### ${markdownText(entry.group)}`,
        markdownText(introOf(entry)),
        markdownTable(HEAD, rowsOf(entry), NUMERIC),
        ...(entry.pairs.length > 0 ? [markdownTable(PAIR_HEAD, pairRows(entry), [2, 3, 4])] : []),
      ]),
      NOTE,
    ],
  };
}

function captionOf({ metric, models }: TrainingsAnalysis): string {
  return `${metric.title} (${metric.better} is better): mean over ${plural(models.length, 'training')} and their patients`;
}

function introOf(entry: TrainingsAnalysis): string {
  const { models, enough, group, metric, doNotRank } = entry;
  const many = `${plural(models.length, 'training')}: ${models.join(', ')}.`;
  if (doNotRank)
    return `${many} Explainers are not compared: do not rank by ${metric.title} on ${doNotRank.model}, since ${doNotRank.why}.`;
  if (!enough)
    return `${many} That is too few to say anything of ${group}: it takes ${LEAST_TRAININGS}. The figures describe these trainings.`;
  return `${many} By ${metric.title}, ${trainingsText(entry)}.`;
}

function rowsOf({ methods }: TrainingsAnalysis): string[][] {
  return methods.map(({ method, level }) => [
    method.id,
    fixed(level?.mean, 3),
    level ? `${fixed(level.low, 3)} to ${fixed(level.high, 3)}` : '–',
    fixed(level?.between, 3),
    level ? level.seeds.map(v => fixed(v, 2)).join(' ') : '–',
    level ? String(level.patients) : '0',
  ]);
}

function pairRows({ pairs }: TrainingsAnalysis): string[][] {
  return pairs.map(({ better, worse, level, p }) => [
    better,
    worse,
    signed(level.mean, 3),
    `${signed(level.low, 3)} to ${signed(level.high, 3)}`,
    pValue(p),
  ]);
}
