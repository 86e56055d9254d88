import type { Manifest } from '../../results/rows.ts';
import { countOf } from '../summary/tally.ts';
import { fixed, group, listed, percent, plural, withInterval } from '../text/format.ts';
import { everyOf, nameOf } from '../text/subject-words.ts';
import { scopeText } from '../text/trainings-words.ts';
import { orderText } from '../text/verdict-words.ts';
import type { Finding, ModelAnalysis } from './analysis.ts';
import type { TrainingsAnalysis } from './trainings.ts';

/** Share of images without a value from which a mean is said to be of a selection. */
const MANY_MISSING = 0.1;
/** Methods named in one sentence; the table has them all. */
const MOST_NAMED = 4;

/** A mean curve of a random order is said to end early where so much of its way lies within so few of the pixels. */
const [EARLY_WAY, EARLY_PIXELS] = [0.8, 0.05];
/** Smaller ways are noise. */
const LEAST_WAY = 0.1;

/** What the run can and cannot conclude, in sentences; the most important first. */
export function findingsOf(
  manifest: Manifest,
  models: readonly ModelAnalysis[],
  trainings: readonly TrainingsAnalysis[] = [],
): Finding[] {
  const own = models.map(model => [
    ...classifierFindings(manifest, model),
    ...rankFindings(model),
    ...baselineFindings(model),
    ...controlFindings(manifest, model),
    ...truthFindings(model),
    ...earlyFindings(model),
    ...silentFindings(model),
    ...missingFindings(model),
  ]);
  const entries = models.map(({ model }) => model);
  const found = models.flatMap(({ model }, m) =>
    own[m]!.flatMap(({ kind, text }) => {
      // What holds of all models is said once.
      const common = own.every(others => others.some(other => other.text === text));
      if (!common) return [{ kind, text: `${nameOf(model, entries)}: ${text}` }];
      return m === 0 ? [{ kind, text: models.length === 1 ? text : `${everyOf(entries)}: ${text}` }] : [];
    }),
  );
  return [...runFindings(manifest, models), ...found, ...limits(manifest, models, trainings)];
}

function runFindings(manifest: Manifest, models: readonly ModelAnalysis[]): Finding[] {
  const out: Finding[] = [];
  if (manifest.state !== 'complete') {
    const state = manifest.state === 'running' ? 'has not ended, or was killed' : 'was interrupted';
    const seen = listed(
      models.map(m => `${m.model.id}: ${group(m.images)} of ${group(manifest.dataset.count)} images`),
    );
    out.push({ kind: 'cannot', text: `This run ${state} (${seen}). All figures are of what was done by then.` });
  }
  if (models.every(m => m.answered === 0)) {
    out.push({ kind: 'cannot', text: 'No image was classified: there is nothing to compare.' });
  }
  return out;
}

/** What is known by intervention of the model itself. */
function truthFindings({ truth }: ModelAnalysis): Finding[] {
  if (!truth) return [];
  const out: Finding[] = [];
  if (truth.lesionsUsed === 0) {
    const text =
      'the model ignores the lesions: taking one out of an image never moves the score by more than chance does. ' +
      'Metrics that look for lesions do not tell what it uses.';
    out.push({ kind: 'caution', text });
  }
  if (truth.incomplete) {
    const text =
      'the score without any factor varies between patients by more than half of what the factors do: the model relies ' +
      'on the background as well, and the truth by intervention is incomplete.';
    out.push({ kind: 'caution', text });
  }
  return out;
}

function classifierFindings(manifest: Manifest, model: ModelAnalysis): Finding[] {
  const out: Finding[] = [];
  const { performance: measured } = model;
  if (model.answered === 0) return out;
  if (model.model.task === 'regression') {
    const { errors } = model;
    if (!errors) {
      const text = `The data do not say what ${model.positive} is: how good the model is here is not known.`;
      out.push({ kind: 'cannot', text });
    } else if (errors.absolute.mean >= errors.withoutModel) {
      const text =
        `The model’s error in ${model.positive} is no smaller than that of a constant. The maps show what it computes; ` +
        'they do not show where the disease is.';
      out.push({ kind: 'cannot', text });
    }
  } else if (!measured) {
    const text =
      'The images have no labels that are classes of the model: how good the classifier is here is not known, and ' +
      'explanations of hits cannot be told from explanations of errors.';
    out.push({ kind: 'cannot', text });
  } else {
    const { auc, confusion, images } = measured;
    const wrong = images - confusion.reduce((sum, row, i) => sum + row[i]!, 0);
    if (auc.value === null) {
      out.push({ kind: 'caution', text: 'All labelled images are of one class: discrimination cannot be measured.' });
    } else if (auc.low === null) {
      const text = `AUC ${fixed(auc.value, 2)} without an interval: ${plural(measured.patients, 'patient')} do not carry one.`;
      out.push({ kind: 'caution', text });
    } else if (auc.low <= 0.5) {
      const text =
        `The classifier is not separated from chance: AUC ${withInterval(auc, 2)}. The maps show what it computes; ` +
        'they do not show where the disease is.';
      out.push({ kind: 'cannot', text });
    }
    if (wrong > 0 && manifest.target === 'predicted') {
      const [are, maps] = wrong === 1 ? ['is', 'Its map explains'] : ['are', 'Their maps explain'];
      const text =
        `${plural(wrong, 'image')} of ${group(images)} (${percent(wrong / images)}) ${are} misclassified. ` +
        `${maps} the wrong class; see the tables by outcome.`;
      out.push({ kind: 'caution', text });
    }
  }
  if (model.patients === model.images && model.images > 1) {
    const text =
      'Each image is of a different patient, by the data. If that is wrong, intervals are too narrow: name the patient of each image.';
    out.push({ kind: 'caution', text });
  }
  return out;
}

function rankFindings({ metrics, answered, primaryMetric }: ModelAnalysis): Finding[] {
  const out: Finding[] = [];
  const tooFew = new Map<string, string[]>();
  for (const entry of metrics) {
    const { ranking, metric, methods, doNotRank } = entry;
    if (answered === 0 || methods.length < 2) continue;
    if (doNotRank !== undefined) {
      out.push({ kind: 'caution', text: `Do not rank by ${metric.title} here: ${doNotRank}.` });
    } else if (!ranking) {
      out.push({ kind: 'cannot', text: `${metric.title}: fewer than two explainers have values, nothing to rank.` });
    } else if (!ranking.canRank) {
      const words = `${plural(ranking.patients, 'patient')} with values for all explainers, ${ranking.floor} needed`;
      tooFew.set(words, [...(tooFew.get(words) ?? []), metric.title]);
    } else {
      const text = `${metric.title} (${plural(ranking.patients, 'patient')}): ${orderText(entry)}.`;
      const primary = metric.id === primaryMetric;
      out.push({
        kind: primary ? 'can' : 'caution',
        text: primary ? text : `Exploratory: ${text}`,
      });
    }
  }
  for (const [words, titles] of tooFew) {
    out.push({ kind: 'cannot', text: `Cannot rank the explainers on ${listed(titles)}: ${words}.` });
  }
  return out;
}

/** Methods that are scored with their own baseline. */
function baselineFindings({ metrics }: ModelAnalysis): Finding[] {
  const matched = metrics.flatMap(({ metric, methods }) =>
    methods.flatMap(m => (m.matched && m.summary ? [{ method: m.method.id, metric: metric.title }] : [])),
  );
  if (matched.length === 0) return [];
  const methods = [...new Set(matched.map(m => m.method))];
  const titles = [...new Set(matched.map(m => m.metric))];
  const uses = methods.length === 1 ? 'uses' : 'use';
  const names = methods.length > MOST_NAMED ? plural(methods.length, 'method') : listed(methods);
  const text = `‡ On ${listed(titles)}, ${names} ${uses} the same baseline as the metric, which favours them.`;
  return [{ kind: 'caution', text }];
}

function controlFindings(manifest: Manifest, { metrics, answered }: ModelAnalysis): Finding[] {
  if (answered === 0) return [];
  if (!manifest.methods.some(m => m.role === 'control')) {
    const text =
      'The run has no controls: whether any map beats a random one, or a map of another patient, is not known.';
    return [{ kind: 'cannot', text }];
  }
  const out: Finding[] = [];
  const allBeat: string[] = [];
  const short: string[] = [];
  for (const { metric, methods } of metrics) {
    const compared = methods.filter(m => m.shuffled);
    if (compared.length > 0 && compared.every(m => m.shuffled!.verdict === 'better')) allBeat.push(metric.title);
    const open = methods.some(m =>
      [...m.controls, ...(m.shuffled ? [m.shuffled] : [])].some(d => d.verdict !== 'better'),
    );
    if (open) short.push(metric.title);
  }
  if (short.length > 0) {
    const text = `On ${listed(short)}, some explainers are not shown to beat every control, or their own maps of other patients; the tables name them.`;
    out.push({ kind: 'caution', text });
  }
  if (allBeat.length > 0) {
    const all = metrics.every(m => m.methods.every(r => r.summary));
    const who = all ? 'every method' : 'every method with values';
    out.unshift({ kind: 'can', text: `On ${listed(allBeat)}, ${who} beats its own maps of other patients.` });
  }
  return out;
}

/** Curves that a few pixels bring to their end, whichever these are. */
function earlyFindings({ metrics }: ModelAnalysis): Finding[] {
  const early = metrics.flatMap(({ metric, controls }) => {
    const curve = controls.find(({ method }) => method.name === 'random')?.curve?.mean;
    if (!curve) return [];
    const way = (at: number) => Math.abs(curve[at]! - curve[0]!);
    const longest = Math.max(...curve.map((_, at) => way(at)));
    const share = way(Math.round(EARLY_PIXELS * (curve.length - 1))) / longest;
    return longest >= LEAST_WAY && share >= EARLY_WAY ? [metric.title] : [];
  });
  if (early.length === 0) return [];
  const text =
    `${listed(early)}: ${percent(EARLY_PIXELS)} of the pixels, chosen at random, change the score nearly as much as all of ` +
    'them do. A right map with scattered maxima can then hardly beat a random map. Larger patches may tell more.';
  return [{ kind: 'caution', text }];
}

/** Methods without any value, and mostly why. */
function silentFindings({ metrics, answered, maps }: ModelAnalysis): Finding[] {
  if (answered === 0) return [];
  return (metrics[0]?.methods ?? []).flatMap(({ method }) => {
    const without = metrics.filter(m => m.methods.some(r => r.method.id === method.id && !r.summary));
    if (without.length === 0) return [];
    const tallies = [
      maps.find(cell => cell.method === method.id)?.others,
      ...without.map(m => m.methods.find(r => r.method.id === method.id)?.others),
    ];
    const why = tallies.find(tally => tally && tally.length > 0)?.[0];
    const reason = why ? ` (${why.status}: ${why.reason.slice(0, 160)})` : '';
    const where =
      without.length === metrics.length ? 'on any metric' : `on ${listed(without.map(m => m.metric.title))}`;
    return [{ kind: 'caution' as const, text: `${method.id} has no value ${where}${reason}.` }];
  });
}

function missingFindings({ metrics, primary, maps, others }: ModelAnalysis): Finding[] {
  const out: Finding[] = [];
  const titles = new Map<string, string[]>();
  for (const { metric, methods } of metrics) {
    const counts = methods.flatMap(m => m.summary?.images ?? []);
    const [least, most] = [Math.min(...counts), Math.max(...counts)];
    if (counts.length === 0 || least >= (1 - MANY_MISSING) * primary.samples.size) continue;
    const number = least === most ? group(least) : `${group(least)} to ${group(most)}`;
    titles.set(number, [...(titles.get(number) ?? []), metric.title]);
  }
  for (const [number, of] of titles) {
    const text = `${listed(of)}: ${number} of ${plural(primary.samples.size, 'image')} have a value; the others are left out.`;
    out.push({ kind: 'caution', text });
  }
  const failed =
    countOf(others, 'failed') +
    maps.reduce((sum, cell) => sum + countOf(cell.others, 'failed'), 0) +
    metrics.reduce(
      (sum, m) => sum + [...m.methods, ...m.controls].reduce((n, r) => n + countOf(r.all.others, 'failed'), 0),
      0,
    );
  if (failed > 0) out.push({ kind: 'caution', text: `${plural(failed, 'row')} failed: see Outcomes.` });
  return out;
}

/** Strata that the suite asks for, and that no image has. */
function missingColumns({ analysis }: Manifest, models: readonly ModelAnalysis[]): string[] {
  const columns = (analysis?.strata ?? []).filter(column => column !== 'outcome');
  const found = models.flatMap(m => m.strata.map(s => s.name));
  const missing = columns.filter(column => !found.some(name => name.startsWith(`${column} `)));
  return missing.length === 0
    ? []
    : [
        `No image of the primary stratum has a value that tells it apart in ${listed(missing)}, which the suite names as strata.`,
      ];
}

/** What no run of this kind can tell. */
function limits(
  manifest: Manifest,
  models: readonly ModelAnalysis[],
  trainings: readonly TrainingsAnalysis[],
): Finding[] {
  if (models.every(m => m.answered === 0)) return [];
  const faithful = manifest.metrics.filter(m => m.category === 'faithfulness');
  const baselines = new Set(faithful.flatMap(m => m.baseline ?? []));
  const texts = [
    manifest.methods.some(m => m.name === 'oracle')
      ? ''
      : 'Whether a metric recognises a right map is not tested: the run has no map that is known to be right. Controls ' +
        'can refute a metric, never certify it.',
    faithful.length > 0 && baselines.size === 1
      ? `Whether the order holds under another baseline is not tested: faithfulness was measured with ‘${[...baselines][0]}’ alone.`
      : '',
    manifest.metrics.some(m => m.category === 'localisation')
      ? 'Localisation says whether maps lie where a reader drew, not what the model uses.'
      : '',
    manifest.analysis?.primary === undefined && manifest.metrics.length > 1
      ? 'The suite declares no primary metric; the report takes one by rule. Ranks hold for each metric by itself, each with a 5 % chance of any false difference.'
      : '',
    manifest.analysis?.changed
      ? 'The analysis was declared otherwise when the run began: what is primary now may have been chosen by the results.'
      : '',
    ...missingColumns(manifest, models),
    scopeText(trainings, models),
  ];
  return texts.filter(text => text !== '').map(text => ({ kind: 'cannot', text }));
}
