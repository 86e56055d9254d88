import { detectableDifference } from '../../core/statistics/detect.ts';
import { quantile } from '../../core/statistics/quantile.ts';
import type { Manifest } from '../../results/rows.ts';
import { fixed, group, listed, plural } from '../text/format.ts';
import { namesOf, networkNames, networksOf, subjectsOf, together } from '../text/subject-words.ts';
import { trainingsText } from '../text/trainings-words.ts';
import { named, orderText } from '../text/verdict-words.ts';
import { givesValues } from '../text/words.ts';
import type { Analysis, MetricAnalysis, ModelAnalysis, ModelEntry } from './analysis.ts';
import type { TrainingsAnalysis } from './trainings.ts';

/** The first thing that a reader sees. */
export interface ReportVerdict {
  readonly question: string;
  /** At most six, of at most 120 words together; the most important first. */
  readonly sentences: readonly string[];
  /** Whether the primary metric separates any two explainers on any model. */
  readonly conclusive: boolean;
}

const MOST_SENTENCES = 6;
const MOST_WORDS = 120;
/** Models named one by one. */
const MOST_MODELS = 3;

/** Answers the report's question by the primary metric, over the primary stratum, or says that nothing can be said. */
export function verdictOf(manifest: Manifest, analysis: Pick<Analysis, 'models' | 'trainings'>): ReportVerdict {
  const { models, trainings } = analysis;
  const groups = trainings.filter(entry => entry.enough && !entry.doNotRank);
  const alone = models.filter(({ model }) => !groups.some(entry => entry.models.includes(model.id)));
  const question = `Which map shows what ${networkNames(entriesOf(models))} ${networksOf(entriesOf(models)) === 1 ? 'uses' : 'use'} to ${givesValues(entriesOf(models)) ? 'predict' : 'call'} ${classesOf(models)}?`;
  const answers = models.map(answerOf);
  const conclusive =
    alone.some(model => answers[models.indexOf(model)]!.separates) ||
    groups.some(entry => entry.pairs.some(pair => pair.significant));
  const told = grouped(alone, model => answers[models.indexOf(model)]!.text);
  const orders = told.map(([text, of]) => {
    const silent = of.every(model => !answers[models.indexOf(model)]!.conclusive);
    const where = models.length === 1 ? '' : ` ${silent ? 'of' : 'On'} ${together(entriesOf(of), entriesOf(models))}`;
    if (silent) return `Nothing can be said${where}: ${text}.`;
    return where ? `${where.trim()}, ${text}.` : `${text[0]!.toUpperCase()}${text.slice(1)}.`;
  });
  const sentences = [
    ...stateOf(manifest, models),
    ...groups.map(overTrainings).slice(0, MOST_MODELS),
    ...orders.slice(0, MOST_MODELS),
    ...unbeaten(models),
    ...size(models),
    ...notRanked(models),
    ...weakClassifiers(models),
    limitsOf(manifest, models, groups),
  ];
  return { question, sentences: shortened(sentences), conclusive };
}

interface Answer {
  readonly text: string;
  /** Whether explainers were compared by a metric that may rank them. */
  readonly conclusive: boolean;
  /** Whether any two of them differ. */
  readonly separates: boolean;
}

/** The metric that decides on a model; undefined where the run has none. */
export function primaryEntry({ metrics, primaryMetric }: ModelAnalysis): MetricAnalysis | undefined {
  return metrics.find(entry => entry.metric.id === primaryMetric);
}

function answerOf(model: ModelAnalysis): Answer {
  const entry = primaryEntry(model);
  const silent = (text: string): Answer => ({ text, conclusive: false, separates: false });
  if (model.answered === 0) return silent('no image was classified');
  if (!entry) return silent('the run has no metric that explainers can be ranked by');
  const { metric, ranking, doNotRank, methods } = entry;
  if (model.primary.samples.size === 0) return silent(`no image is of the primary stratum, ${model.primary.name}`);
  if (methods.every(m => !m.summary)) return silent(`no explainer has a value of ${metric.title}`);
  if (doNotRank !== undefined) return silent(`by ${metric.title}, ${doNotRank}`);
  if (!ranking) return silent('fewer than two explainers have values');
  if (!ranking.canRank) {
    return silent(
      `an order by ${metric.title} needs ${plural(ranking.floor, 'patient')} with ${model.primary.name}, and ${group(ranking.patients)} ${ranking.patients === 1 ? 'has' : 'have'} values of all explainers`,
    );
  }
  const conclusive = ranking.reversals.length === 0;
  const separates = conclusive && ranking.pairs.some(pair => pair.significant);
  return { text: `by ${metric.title}, ${orderText(entry)}`, conclusive, separates };
}

/** Explainers that are not shown to beat their own maps of other patients, by the primary metric. */
function unbeaten(models: readonly ModelAnalysis[]): string[] {
  const tested = models.flatMap(model => {
    const results = (primaryEntry(model)?.methods ?? []).flatMap(m => (m.shuffled ? [m] : []));
    return results.length === 0 ? [] : [{ model, results }];
  });
  if (tested.length === 0) return [];
  const open = tested.map(({ model, results }) => ({
    model,
    all: results.length,
    ids: results.filter(m => m.shuffled!.verdict !== 'better').map(m => m.method.id),
  }));
  if (open.every(o => o.ids.length === 0))
    return ['Every explainer fits a patient better with that patient’s map than with another patient’s map.'];
  if (open.every(o => o.ids.length === o.all)) {
    return ['No explainer is shown to fit a patient better with that patient’s map than with another patient’s map.'];
  }
  const parts = grouped(
    open.filter(o => o.ids.length > 0).map(o => o.model),
    model => named(open.find(o => o.model === model)!.ids),
  ).map(([ids, of]) => (models.length === 1 ? ids : `${ids} (${together(entriesOf(of), entriesOf(models))})`));
  return [
    `Not shown to fit a patient better with that patient’s map than with another patient’s: ${parts.join('; ')}.`,
  ];
}

/** How many patients, and what so many can tell. */
function size(models: readonly ModelAnalysis[]): string[] {
  const ranked = models.flatMap(model => {
    const ranking = primaryEntry(model)?.ranking;
    return ranking?.canRank ? [{ model, ranking }] : [];
  });
  if (ranked.length === 0) return [];
  const least = ranked.reduce((a, b) => (b.ranking.patients < a.ranking.patients ? b : a));
  const { patients, pairs, exploratory } = least.ranking;
  const deviations = pairs.map(p => p.sd).filter(sd => sd > 0);
  const found =
    deviations.length === 0
      ? ''
      : `; differences of ${primaryEntry(least.model)!.metric.title} below about ${fixed(detectableDifference(quantile(deviations, 0.5), patients, { pairs: pairs.length }), 2)} go unseen`;
  const all = least.model.primary.patients;
  const of = patients < all ? `${patients} of ${plural(all, 'patient')}` : plural(patients, 'patient');
  const alike = ranked.filter(r => r.ranking.patients === patients).map(r => r.model);
  const where = alike.length < models.length ? `On ${together(entriesOf(alike), entriesOf(models))}, ` : '';
  return [
    `${where}${of} with ${least.model.primary.name} ${patients < all ? 'have values of all explainers' : 'are compared'}${exploratory ? ', too few to confirm an order' : ''}${found}.`,
  ];
}

/** Other metrics that must not rank here. */
function notRanked(models: readonly ModelAnalysis[]): string[] {
  const found = models.flatMap(model =>
    model.metrics.flatMap(({ metric, doNotRank }) =>
      doNotRank !== undefined && metric.rankable !== false && metric.id !== model.primaryMetric
        ? [{ model, title: metric.title }]
        : [],
    ),
  );
  const titles = [...new Set(found.map(f => f.title))];
  if (titles.length === 0) return [];
  const parts = titles.map(title => {
    const of = found.filter(f => f.title === title).map(f => f.model);
    return of.length === models.length ? title : `${title} (${together(entriesOf(of), entriesOf(models))})`;
  });
  return [`Do not rank by ${listed(parts.slice(0, 4))} here: a control map wins, or no explainer beats a random map.`];
}

function weakClassifiers(models: readonly ModelAnalysis[]): string[] {
  const weak = models.filter(({ performance: p }) => p?.auc.low != null && p.auc.low <= 0.5);
  if (weak.length === 0) return [];
  return [weakText(entriesOf(weak), entriesOf(models))];
}

function stateOf(manifest: Manifest, models: readonly ModelAnalysis[]): string[] {
  if (manifest.state === 'complete') return [];
  const images = Math.max(0, ...models.map(m => m.images));
  return [
    `The run ${manifest.state === 'running' ? 'has not ended' : 'was interrupted'} at ${group(images)} of ${plural(manifest.dataset.count, 'image')}.`,
  ];
}

function overTrainings(entry: TrainingsAnalysis): string {
  return `Over ${plural(entry.models.length, 'training')} of ${entry.group}, by ${entry.metric.title}, ${trainingsText(entry)}.`;
}

function limitsOf(
  { suite, dataset }: Manifest,
  models: readonly ModelAnalysis[],
  groups: readonly TrainingsAnalysis[],
): string {
  const phantom = (suite as { readonly data?: { readonly use?: unknown } } | null)?.data?.use === 'phantom';
  const whole = groups.length > 0 && groups.reduce((n, entry) => n + entry.models.length, 0) === models.length;
  const networks = whole
    ? `trainings of ${listed(groups.map(entry => entry.group))}`
    : networksOf(entriesOf(models)) === 1
      ? 'this trained network'
      : 'these trained networks';
  return phantom
    ? `This holds for ${networks} on this phantom; real CT is not tested.`
    : `This holds for ${networks} on ${dataset.name.length > 40 ? 'this data' : dataset.name} alone.`;
}

/** Sentences in their order, as long as they fit. */
function shortened(sentences: readonly string[]): string[] {
  const kept: string[] = [];
  let words = 0;
  for (const sentence of sentences) {
    const n = sentence.split(/\s+/).length;
    if (kept.length === MOST_SENTENCES || words + n > MOST_WORDS) continue;
    kept.push(sentence);
    words += n;
  }
  if (kept.length > 0 || sentences.length === 0) return kept;
  return [`${sentences[0]!.split(/\s+/).slice(0, MOST_WORDS).join(' ')} …`];
}

function grouped<T>(items: readonly T[], textOf: (item: T) => string): [text: string, items: T[]][] {
  const found = new Map<string, T[]>();
  for (const item of items) found.set(textOf(item), [...(found.get(textOf(item)) ?? []), item]);
  return [...found];
}

function weakText(weak: readonly ModelEntry[], all: readonly ModelEntry[]): string {
  return subjectsOf(all) === 'models'
    ? `${namesOf(weak, all)} ${weak.length === 1 ? 'is' : 'are'} not shown to classify better than chance.`
    : `${networkNames(all)} is not shown to tell ${namesOf(weak, all)} better than chance.`;
}

function entriesOf(models: readonly ModelAnalysis[]): ModelEntry[] {
  return models.map(({ model }) => model);
}

function classesOf(models: readonly ModelAnalysis[]): string {
  const classes = [...new Set(models.map(m => m.positive))];
  return classes.length > MOST_MODELS ? 'their positive class' : listed(classes);
}
