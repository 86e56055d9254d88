import type { EarlierAudit } from '../../core/contracts/index.ts';
import { detectableDifference } from '../../core/statistics/detect.ts';
import { holm } from '../../core/statistics/seeds.ts';
import { listed } from '../text/format.ts';
import type { Difference, MetricAnalysis } from './analysis.ts';
import { type AuditContext, BY_TRUTH, type Evidence, evidenceOf, FIXED, type Mixture } from './audit-evidence.ts';
import { ownOracleOf } from './own-oracles.ts';

const ALPHA = 0.05;

/**
 * Whether a metric can be believed here. `supported`: on patients that nothing is ranked by, the truth by intervention
 * beats every fixed control by more than the smallest effect and the truth about another model, and its score falls as
 * it is mixed with a shuffled map. `contradicted`: a map that knows nothing of the model beats the truth by more than
 * that; not said of faithfulness where the model relies on the background as well. `not shown`: the truth is known, and neither is shown. Without a known truth: `supported elsewhere`, on a
 * phantom, and untested here; `control-dominated`: a fixed control is better than every explainer; `untested`.
 */
export type AuditVerdict =
  | 'supported'
  | 'contradicted'
  | 'not shown'
  | 'supported elsewhere'
  | 'control-dominated'
  | 'untested';

export interface AuditEntry {
  readonly metric: string;
  readonly category: string;
  readonly verdict: AuditVerdict;
  /** In a sentence. */
  readonly reason: string;
  /** What was not tried, without which no metric is `supported`; absent: all was, or no truth is known. */
  readonly untried?: readonly string[];
  /** What is known to be right against the control that comes closest to it, or beats it most; absent without it. */
  readonly closest?: Difference;
  /** That all holds which supports the metric, adjusted for all metrics by Holm's rule. */
  readonly pBeats?: number;
  /** That some fixed control beats the oracle, likewise. */
  readonly pLoses?: number;
  /** Whether the score falls as the oracle is mixed with a shuffled map; absent where that was not tried. */
  readonly falls?: boolean;
  /**
   * The oracle against that of another model, or, where the metric swaps models, against itself by the other model's
   * truth; absent where there is none.
   */
  readonly other?: Difference;
  /** The difference that as many patients show with a chance of 80 %; absent where none within the range would do. */
  readonly detectable?: number;
  /** What the audit beside the model found for the metric, on other patients; absent where there is none. */
  readonly earlier?: EarlierAudit;
  /** Maps that know nothing whose score is better once they are blurred; absent where that was not tried. */
  readonly blurred?: readonly string[];
}

/** One entry for each metric of single maps that explainers may be ranked by and that something is known to audit by. */
export function auditOf(entries: readonly MetricAnalysis[], context: AuditContext): AuditEntry[] {
  const audited = entries.filter(
    ({ metric }) => metric.rankable !== false && (BY_TRUTH.has(metric.category) || ownOracleOf(metric) !== undefined),
  );
  const evidence = audited.map(entry => evidenceOf(entry, context));
  const tested = evidence.filter(e => e.against.length > 0);
  // All must be beaten, so that the least sure decides; one control that wins is enough to contradict.
  const beats = holm(tested.map(e => Math.max(...conditionsOf(e).map(d => oneSide(d, 'better')))));
  const loses = holm(tested.map(e => Math.min(...e.against.map(d => oneSide(d, 'worse')))));
  return evidence.flatMap(e => {
    const at = tested.indexOf(e);
    const earlier = context.earlier?.get(e.entry.metric.id);
    const facts = earlier ? { earlier } : {};
    if (at >= 0) return [{ ...withTruth(e, beats[at]!, loses[at]!, context), ...facts }];
    return BY_TRUTH.has(e.entry.metric.category) ? [{ ...withoutVerdict(e, earlier), ...facts }] : [];
  });
}

function conditionsOf({ against, mixtures, other }: Evidence): readonly Difference[] {
  return [...against, ...mixtures.filter(isMuch), ...(other ? [other] : [])];
}

/** A metric that looks at the order of pixels need not fall where most of the map is still the truth. */
const isMuch = ({ share }: Mixture): boolean => share >= 0.5;

/** Whether the score falls where half of the map or more is shuffled, and rises where less is nowhere. */
function fallsWith(mixtures: readonly Mixture[]): boolean {
  return mixtures.every(m => (isMuch(m) ? m.verdict === 'better' : m.verdict !== 'worse'));
}

/** The p value of a verdict, where it is of this side; else 1. */
function oneSide({ verdict, p }: Difference, side: 'better' | 'worse'): number {
  return verdict === side ? p : 1;
}

function withTruth(
  e: Evidence,
  pBeats: number,
  pLoses: number,
  { disjoint, incomplete = false }: AuditContext,
): AuditEntry {
  const { entry, right, against, mixtures, other, swapped = false, whole, blurred } = e;
  const { metric, smallest } = entry;
  const sign = metric.better === 'higher' ? 1 : -1;
  const closest = against.reduce((a, b) => (sign * b.mean < sign * a.mean ? b : a));
  const falls = mixtures.some(isMuch) ? fallsWith(mixtures) : undefined;
  const detectable = detectableOf(closest, entry, against.length);
  const facts = {
    ...{ metric: metric.id, category: metric.category, closest, pBeats, pLoses },
    ...(falls === undefined ? {} : { falls }),
    ...(other ? { other } : {}),
    ...(detectable === undefined ? {} : { detectable }),
    ...(blurred ? { blurred } : {}),
  };
  const smooth = blurred?.length
    ? [`smooth maps are favoured: blurring ${listed(blurred)} makes the score better`]
    : [];
  if (pLoses <= ALPHA) {
    const winners = listed(against.filter(d => d.verdict === 'worse').map(d => d.control));
    const won = `the score of ${winners} is better than that of ${right.replace(/,$/, '')}`;
    // What asks the model may be right to prefer a map of the background.
    const open = incomplete && metric.category === 'faithfulness';
    const why = open ? ['the model relies on the background as well, so that the truth is incomplete'] : [];
    const reason = [won, ...why, ...smooth].join('; ');
    return { ...facts, verdict: open ? 'not shown' : 'contradicted', reason };
  }
  const beaten = against.every(d => d.verdict === 'better');
  const unbeaten = against.filter(d => d.verdict !== 'better').map(d => d.control);
  const known = (...parts: readonly (readonly [boolean, string, string])[]) =>
    parts.map(([holds, yes, no]) => ({ holds, text: holds ? yes : no }));
  const most = smallest > 0 ? ` by more than ${smallest}` : '';
  const found = [
    ...known([
      beaten,
      `${right} beats ${whole ? 'every fixed control' : listed(against.map(d => d.control))}${most}`,
      `${right} is not shown to beat ${listed(unbeaten)}${most}`,
    ]),
    ...(whole && falls !== undefined
      ? known([
          falls,
          'its score falls as it is mixed with a shuffled map',
          'its score is not shown to fall as it is mixed with a shuffled map',
        ])
      : []),
    ...(whole && other
      ? known([
          other.verdict === 'better',
          swapped
            ? 'its score is better by this model’s truth than by another model’s'
            : 'it beats the truth about another model',
          swapped
            ? 'its score is not shown to be better by this model’s truth than by another model’s'
            : 'it is not shown to beat the truth about another model',
        ])
      : []),
  ];
  const untried = [
    ...(whole && falls === undefined ? ['the truth mixed with a map of another patient'] : []),
    ...(whole && !other ? ['the truth about another model'] : []),
    ...(disjoint ? [] : ['patients set apart, by whom no explainer is ranked']),
  ];
  const few =
    detectable === undefined
      ? [`${closest.patients} patients are too few to show any difference that this metric can have`]
      : [];
  const holds = found.every(f => f.holds);
  if (holds && pBeats <= ALPHA && untried.length === 0 && few.length === 0) {
    return { ...facts, verdict: 'supported', reason: [...found.map(f => f.text), ...smooth].join('; ') };
  }
  const joint = holds && pBeats > ALPHA ? ['not so once all metrics are accounted for'] : [];
  const told = [...found.filter(f => f.holds), ...found.filter(f => !f.holds)].map(f => f.text);
  return {
    ...facts,
    verdict: 'not shown',
    reason: [...told, ...joint, ...few, ...smooth].join('; '),
    ...(untried.length > 0 ? { untried } : {}),
  };
}

/** Absent where it would lie beyond what the metric can differ by at all: then so few patients show nothing. */
function detectableOf(
  { mean, t, patients }: Difference,
  { metric, smallest }: MetricAnalysis,
  pairs: number,
): number | undefined {
  if (t === null || t === 0 || patients < 2) return undefined;
  // The test is of how far the mean lies beyond the smallest effect on its side.
  const beyond = mean >= 0 ? mean - smallest : mean + smallest;
  const sd = Math.abs(beyond / t) * Math.sqrt(patients);
  if (!(sd > 0)) return undefined;
  const found = smallest + detectableDifference(sd, patients, { pairs });
  const [low, high] = metric.range ?? [null, null];
  const widest = low === null || high === null ? Number.POSITIVE_INFINITY : high - low;
  return found < widest ? found : undefined;
}

/** Without a truth, or anything to compare it with, a metric may be refuted, and never supported by what is seen here. */
function withoutVerdict({ entry, known }: Evidence, earlier: EarlierAudit | undefined): AuditEntry {
  const { metric, methods, controls } = entry;
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
  if (known) {
    return { ...facts, verdict: 'untested', reason: 'the truth is known, and no fixed control has values beside it' };
  }
  if (earlier?.verdict === 'supported') {
    return {
      ...facts,
      verdict: 'supported elsewhere',
      reason: `supported on ${earlier.data} for this model; what the model uses here is not known`,
    };
  }
  const seen =
    fixed.length === 0
      ? 'no fixed control has values'
      : 'no truth by intervention is known, and no fixed control is best';
  const before =
    earlier?.verdict === 'contradicted'
      ? `; on ${earlier.data} a map that knows nothing of this model scored better than what the model uses`
      : '';
  return { ...facts, verdict: 'untested', reason: seen + before };
}
