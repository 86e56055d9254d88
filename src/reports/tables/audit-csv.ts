import { csvStyle, csvText } from '../../results/csv.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { AuditEntry } from '../analysis/audit.ts';
import type { RunData } from '../summary/run-data.ts';

const CHANGES = ['ties', 'seed', 'baseline', 'steps'] as const;

const HEADER = [
  ...['model', 'metric', 'category', 'verdict', 'reason', 'control', 'patients', 'oracle_minus_control', 'low', 'high'],
  ...[
    'p_oracle_beats_all',
    'p_control_beats_oracle',
    'falls_when_mixed',
    'oracle_minus_other_model',
    'p_other_model',
    'detectable',
    'better_blurred',
  ],
  ...CHANGES.flatMap(change => [`tau_${change}`, `moved_${change}`]),
];

/**
 * One line per model and metric: whether the metric can be believed here. Differences are those of the oracle from the
 * fixed control that comes closest to it; their intervals hold for all controls of the metric at once, p values for all
 * metrics (Holm). `tau_ties` … tell whether explainers keep their order where a full audit repeats the metric with that
 * changed, and `moved_ties` … how far a value moves. Empty: there is none.
 */
export function renderAuditCsv({ manifest }: Pick<RunData, 'manifest'>, { models }: Analysis): string {
  const lines = models.flatMap(({ model, audit, stability }) =>
    audit.map(({ closest, ...e }) => [
      ...[model.id, e.metric, e.category, e.verdict, reasonOf(e)],
      ...[closest?.control, closest?.patients, closest?.mean, closest?.low, closest?.high],
      ...[e.pBeats, e.pLoses, e.falls === undefined ? undefined : String(e.falls), e.other?.mean, e.other?.p],
      ...[e.detectable, e.blurred?.join(' ')],
      ...CHANGES.flatMap(change => {
        const repeated = stability.find(s => s.metric === e.metric)?.repeated.find(r => r.change === change);
        return [repeated?.order.tau ?? undefined, repeated?.moved];
      }),
    ]),
  );
  return csvText([HEADER, ...lines], csvStyle(manifest));
}

function reasonOf({ reason, untried }: Pick<AuditEntry, 'reason' | 'untried'>): string {
  return untried ? `${reason}; not tried: ${untried.join(', ')}` : reason;
}
