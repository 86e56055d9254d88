import { csvStyle, csvText } from '../../results/csv.ts';
import type { Analysis } from '../analysis/analysis.ts';
import type { AuditEntry } from '../analysis/audit.ts';
import type { RunData } from '../summary/run-data.ts';

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
];

/**
 * One line per model and metric: whether the metric can be believed here. Differences are those of the oracle from the
 * fixed control that comes closest to it; their intervals hold for all controls of the metric at once, p values for all
 * metrics (Holm). Empty: there is none.
 */
export function renderAuditCsv({ manifest }: Pick<RunData, 'manifest'>, { models }: Analysis): string {
  const lines = models.flatMap(({ model, audit }) =>
    audit.map(({ closest, ...e }) => [
      ...[model.id, e.metric, e.category, e.verdict, reasonOf(e)],
      ...[closest?.control, closest?.patients, closest?.mean, closest?.low, closest?.high],
      ...[e.pBeats, e.pLoses, e.falls === undefined ? undefined : String(e.falls), e.other?.mean, e.other?.p],
      ...[e.detectable, e.blurred?.join(' ')],
    ]),
  );
  return csvText([HEADER, ...lines], csvStyle(manifest));
}

function reasonOf({ reason, untried }: Pick<AuditEntry, 'reason' | 'untried'>): string {
  return untried ? `${reason}; not tried: ${untried.join(', ')}` : reason;
}
