import type { Rng } from '../../core/rng.ts';
import { detectableDifference } from '../../core/statistics/detect.ts';
import { holm } from '../../core/statistics/seeds.ts';
import type { ScoreCell } from '../summary/collect.ts';
import { listed } from '../text/format.ts';
import type { Answered, Difference, MethodEntry, MetricAnalysis } from './analysis.ts';
import { type ValuesByImage, verdictsAgainst } from './pairwise.ts';

/**
 * Whether a metric can be believed here. `contradicted`: a map that knows nothing of the model is better than the truth
 * by intervention. `not shown`: the truth is known, and that is not shown, nor all that would support the metric.
 * `control-dominated`: without a truth, a fixed control is better than every explainer. `untested`: no truth is known.
 */
export type AuditVerdict = 'contradicted' | 'not shown' | 'control-dominated' | 'untested';

export interface AuditEntry {
  readonly metric: string;
  readonly category: string;
  readonly verdict: AuditVerdict;
  /** In a sentence. */
  readonly reason: string;
  /** The oracle against the fixed control that comes closest to it, or beats it most; absent without an oracle. */
  readonly closest?: Difference;
  /** That the oracle beats every fixed control, adjusted for all metrics by Holm's rule. */
  readonly pBeats?: number;
  /** That some fixed control beats the oracle, likewise. */
  readonly pLoses?: number;
  /** Whether the score falls as the oracle is mixed with a shuffled map; absent where that was not tried. */
  readonly falls?: boolean;
  /** The difference that as many patients show with a chance of 80 %: a figure for planning. */
  readonly detectable?: number;
}

/** The control rule is about these; `centre` is robust and `random` passes randomisation by design. */
const AUDITED: ReadonlySet<string> = new Set(['faithfulness', 'localisation', 'truth']);
/** Controls that know nothing of the model and are the same for all explainers. */
const FIXED: ReadonlySet<string> = new Set(['random', 'edges', 'centre', 'hu-contrast']);
const ALPHA = 0.05;

interface AuditContext {
  readonly methods: readonly MethodEntry[];
  readonly cells: readonly ScoreCell[];
  readonly answered: Answered;
  readonly only: ReadonlySet<string>;
  readonly rng: Rng;
}

interface Evidence {
  readonly entry: MetricAnalysis;
  readonly against: readonly Difference[];
  readonly mixtures: readonly Difference[];
}

/** One entry for each metric of single maps that explainers may be ranked by and that the controls have a say in. */
export function auditOf(entries: readonly MetricAnalysis[], context: AuditContext): AuditEntry[] {
  const audited = entries.filter(({ metric }) => AUDITED.has(metric.category) && metric.rankable !== false);
  const evidence = audited.map(entry => evidenceOf(entry, context));
  const tested = evidence.filter(e => e.against.length > 0);
  // All controls must be beaten, so that the least sure decides; one that wins is enough to contradict.
  const beats = holm(tested.map(e => Math.max(...e.against.map(d => oneSide(d, 'better')))));
  const loses = holm(tested.map(e => Math.min(...e.against.map(d => oneSide(d, 'worse')))));
  return evidence.map(e => {
    const at = tested.indexOf(e);
    return at < 0 ? withoutTruth(e.entry) : withTruth(e, beats[at]!, loses[at]!);
  });
}

function evidenceOf(entry: MetricAnalysis, { methods, cells, answered, only, rng }: AuditContext): Evidence {
  const valued = ({ id }: MethodEntry) => {
    const cell = cells.find(c => c.metric === entry.metric.id && c.method === id);
    return { id, values: cell?.values ?? (new Map() as ValuesByImage) };
  };
  const controls = methods.filter(m => m.role === 'control' && m.of === undefined);
  const oracle = controls.find(c => c.name === 'oracle');
  const compared = (names: (name: string) => boolean, smallest: number, label: string) => {
    if (!oracle) return [];
    const pairs = controls.filter(c => names(c.name)).map(c => [valued(oracle), valued(c)] as const);
    const { better } = entry.metric;
    return verdictsAgainst(pairs, {
      ...{ samples: answered, only, better, smallest },
      rng: rng.fork('audit', entry.metric.id, label),
    });
  };
  return {
    entry,
    against: compared(name => FIXED.has(name), entry.smallest, 'controls'),
    mixtures: compared(name => name === 'oracle-mixed', 0, 'mixtures'),
  };
}

/** The p value of a verdict, where it is of this side; else 1. */
function oneSide({ verdict, p }: Difference, side: 'better' | 'worse'): number {
  return verdict === side ? p : 1;
}

function withTruth({ entry, against, mixtures }: Evidence, pBeats: number, pLoses: number): AuditEntry {
  const { metric } = entry;
  const sign = metric.better === 'higher' ? 1 : -1;
  const closest = against.reduce((a, b) => (sign * b.mean < sign * a.mean ? b : a));
  const falls = mixtures.length === 0 ? undefined : mixtures.every(d => d.verdict === 'better');
  const detectable = detectableOf(closest, entry.smallest, against.length);
  const facts = {
    ...{ metric: metric.id, category: metric.category, closest, pBeats, pLoses },
    ...(falls === undefined ? {} : { falls }),
    ...(detectable === undefined ? {} : { detectable }),
  };
  if (pLoses <= ALPHA) {
    const winners = listed(against.filter(d => d.verdict === 'worse').map(d => d.control));
    const reason = `the score of ${winners} is better than that of the truth by intervention`;
    return { ...facts, verdict: 'contradicted', reason };
  }
  const holds = [
    ...(pBeats <= ALPHA ? ['the truth beats every fixed control'] : []),
    ...(falls ? ['its score falls as it is mixed with a shuffled map'] : []),
  ];
  const open = [
    ...(pBeats <= ALPHA ? [] : [`that the truth beats ${closest.control} is not shown`]),
    ...(falls === false ? ['that its score falls as it is mixed with a shuffled map is not shown'] : []),
    ...(falls === undefined ? ['mixing it with a shuffled map was not tried (audit: short)'] : []),
    'the truth about another model was not tried, and the patients are those of the ranking',
  ];
  return { ...facts, verdict: 'not shown', reason: [...holds, ...open].join('; ') };
}

function detectableOf({ mean, t, patients }: Difference, smallest: number, pairs: number): number | undefined {
  if (t === null || t === 0 || patients < 2) return undefined;
  // The test is of how far the mean lies beyond the smallest effect on its side.
  const beyond = mean >= 0 ? mean - smallest : mean + smallest;
  return detectableDifference(Math.abs(beyond / t) * Math.sqrt(patients), patients, { pairs });
}

/** Without a truth a metric may be refuted, and never supported. */
function withoutTruth({ metric, methods, controls }: MetricAnalysis): AuditEntry {
  const facts = { metric: metric.id, category: metric.category };
  const sign = metric.better === 'higher' ? 1 : -1;
  const means = methods.flatMap(m => (m.summary ? [sign * m.summary.mean] : []));
  const fixed = controls.filter(c => c.of === undefined && FIXED.has(c.method.name) && c.summary);
  const best = Math.max(...means);
  const winners = fixed.filter(c => sign * c.summary!.mean > best);
  if (means.length > 0 && winners.length > 0) {
    const reason = `${listed(winners.map(c => c.method.id))}, without any knowledge of the model, is better than the best explainer`;
    return { ...facts, verdict: 'control-dominated', reason };
  }
  const reason =
    fixed.length === 0
      ? 'no fixed control has values'
      : 'no truth by intervention is known, and no fixed control is best';
  return { ...facts, verdict: 'untested', reason };
}
