import type { EarlierAudit } from '../../core/contracts/index.ts';
import type { Rng } from '../../core/rng.ts';
import type { ScoreCell } from '../summary/collect.ts';
import type { Answered, Difference, MethodEntry, MetricAnalysis } from './analysis.ts';
import { ownOracleOf } from './own-oracles.ts';
import { type Valued, type ValuesByImage, verdictsAgainst } from './pairwise.ts';

export interface AuditContext {
  readonly methods: readonly MethodEntry[];
  readonly cells: readonly ScoreCell[];
  readonly answered: Answered;
  /** The images that the audit is on. */
  readonly only: ReadonlySet<string>;
  /** Whether explainers are ranked by none of these patients. */
  readonly disjoint: boolean;
  /** Whether the model relies on what no factor takes away as well. Default: no. */
  readonly incomplete?: boolean;
  /** What the audit beside the model says of metrics, by their ids. */
  readonly earlier?: ReadonlyMap<string, EarlierAudit>;
  readonly rng: Rng;
}

/** The control rule is about these; `centre` is robust and `random` passes randomisation by design. */
export const BY_TRUTH: ReadonlySet<string> = new Set(['faithfulness', 'localisation', 'truth']);
/** Controls that know nothing of the model and are the same for all explainers. */
export const FIXED: ReadonlySet<string> = new Set(['random', 'edges', 'centre', 'hu-contrast']);
/** What speaks for and against a metric: something known to be right, against what must be worse. */
export interface Evidence {
  readonly entry: MetricAnalysis;
  /** What is known to be right, in words. */
  readonly right: string;
  readonly against: readonly Difference[];
  /** Of the truth by intervention: against its mixtures; empty: not tried. */
  readonly mixtures: readonly Mixture[];
  /** Whether the truth by intervention has values. */
  readonly known: boolean;
  readonly other?: Difference;
  /** `other` is a model swap: the oracle by its own model's truth less the same map by the other model's. */
  readonly swapped?: boolean;
  /** Whether mixtures and another model are asked for. */
  readonly whole: boolean;
  readonly blurred?: readonly string[];
}

/** The oracle against a mixture of it with a shuffled map. */
export interface Mixture extends Difference {
  /** Of the map that is shuffled. */
  readonly share: number;
}

/** Compares what is known to be right with the controls of a metric. */
export function evidenceOf(entry: MetricAnalysis, context: AuditContext): Evidence {
  const { methods, cells, answered, only, rng } = context;
  const { metric, smallest } = entry;
  const controls = methods.filter(m => m.role === 'control');
  const valued = ({ id }: MethodEntry) => {
    const cell = cells.find(c => c.metric === metric.id && c.method === id);
    return { id, values: cell?.values ?? (new Map() as ValuesByImage) };
  };
  const compared = (pairs: readonly (readonly [MethodEntry, MethodEntry])[], least: number, label: string) =>
    verdictsAgainst(
      pairs.map(([a, b]) => [valued(a), valued(b)] as const),
      {
        ...{ samples: answered, only, better: metric.better, smallest: least },
        rng: rng.fork('audit', metric.id, label),
      },
    );
  const pairsOf = (right: string, wrong: (name: string) => boolean) => {
    const best = controls.find(c => c.name === right && c.of === undefined);
    return best ? controls.filter(c => c.of === undefined && wrong(c.name)).map(c => [best, c] as const) : [];
  };
  const own = ownOracleOf(metric);
  if (own) {
    const against = compared(
      pairsOf(own.right, name => own.wrong.includes(name)),
      smallest,
      'controls',
    );
    return { entry, right: `${own.right}, ${own.why},`, against, mixtures: [], known: false, whole: false };
  }
  const swap = swapOf(cells, metric.id, controls);
  const [other] = swap
    ? verdictsAgainst([swap], {
        samples: answered,
        only,
        better: metric.better,
        smallest: 0,
        rng: rng.fork('audit', metric.id, 'model swap'),
      })
    : compared(
        pairsOf('oracle', name => name === 'oracle-other'),
        0,
        'other model',
      );
  return {
    entry,
    right: 'the truth by intervention',
    whole: true,
    against: compared(
      pairsOf('oracle', name => FIXED.has(name)),
      smallest,
      'controls',
    ),
    mixtures: compared(
      pairsOf('oracle', name => name === 'oracle-mixed'),
      0,
      'mixtures',
    ).map(d => ({ ...d, share: shareOf(controls.find(c => c.id === d.control)!) })),
    known: controls.some(c => c.name === 'oracle' && [...valued(c).values.keys()].some(sample => only.has(sample))),
    ...(other ? { other } : {}),
    ...(swap ? { swapped: true } : {}),
    ...blurredOf(controls, pairs => compared(pairs, 0, 'blur')),
  };
}

function shareOf({ options }: MethodEntry): number {
  return (options as { readonly share?: number } | undefined)?.share ?? 0.5;
}

/** Where the metric swaps models: the oracle's values, and those by the other model's truth on the same images. */
function swapOf(
  cells: readonly ScoreCell[],
  metric: string,
  controls: readonly MethodEntry[],
): readonly [Valued, Valued] | undefined {
  const oracle = controls.find(c => c.name === 'oracle' && c.of === undefined);
  const cell = oracle && cells.find(c => c.metric === metric && c.method === oracle.id);
  if (!cell?.swaps) return undefined;
  const theirs = new Map([...cell.swaps].map(([sample, swap]) => [sample, cell.values.get(sample)! - swap]));
  return [
    { id: oracle!.id, values: cell.values },
    { id: 'the truth about another model', values: theirs },
  ];
}

/** Maps that know nothing, blurred, against the same as they are: whether smoothness alone is rewarded. */
function blurredOf(
  controls: readonly MethodEntry[],
  compared: (pairs: readonly (readonly [MethodEntry, MethodEntry])[]) => readonly (Difference & { method: string })[],
): Pick<Evidence, 'blurred'> {
  const isBlurred = ({ options }: MethodEntry) => typeof options === 'object' && options !== null && 'blur' in options;
  const pairs = controls.filter(isBlurred).flatMap(blurred => {
    const plain = controls.find(c => c.name === blurred.name && c.of === blurred.of && !isBlurred(c));
    return plain ? [[blurred, plain] as const] : [];
  });
  if (pairs.length === 0) return {};
  const better = compared(pairs).filter(d => d.verdict === 'better');
  return { blurred: better.map(d => d.control) };
}
