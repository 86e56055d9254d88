import type { Analysis } from '../analysis/analysis.ts';
import type { AuditEntry } from '../analysis/audit.ts';
import { columnsOf, type ReportTable } from './report-table.ts';

const CHANGES = ['ties', 'seed', 'baseline', 'steps'] as const;

const COLUMNS = [
  ...columnsOf('text', 'model', 'metric', 'category', 'verdict', 'reason', 'control'),
  ...columnsOf('count', 'patients'),
  ...columnsOf('number', 'oracle_minus_control', 'low', 'high', 'p_oracle_beats_all', 'p_control_beats_oracle'),
  ...columnsOf('flag', 'falls_when_mixed'),
  ...columnsOf('number', 'oracle_minus_other_model', 'p_other_model', 'detectable'),
  ...columnsOf('text', 'better_blurred', 'earlier_verdict'),
  ...columnsOf('count', 'earlier_patients'),
  ...columnsOf('number', ...CHANGES.flatMap(change => [`tau_${change}`, `moved_${change}`])),
];

/**
 * One line per model and metric: whether the metric can be believed here. Differences are those of the oracle from the
 * fixed control that comes closest to it; their intervals hold for all controls of the metric at once, p values for all
 * metrics (Holm). `tau_ties` … tell whether explainers keep their order where a full audit repeats the metric with that
 * changed, and `moved_ties` … how far a value moves. Empty: there is none.
 */
export function auditTable({ models }: Analysis): ReportTable {
  const lines = models.flatMap(({ model, audit, stability }) =>
    audit.map(({ closest, ...e }) => [
      ...[model.id, e.metric, e.category, e.verdict, reasonOf(e)],
      ...[closest?.control, closest?.patients, closest?.mean, closest?.low, closest?.high],
      ...[e.pBeats, e.pLoses, e.falls === undefined ? undefined : String(e.falls), e.other?.mean, e.other?.p],
      ...[e.detectable, e.blurred?.join(' '), e.earlier?.verdict, e.earlier?.patients],
      ...CHANGES.flatMap(change => {
        const repeated = stability.find(s => s.metric === e.metric)?.repeated.find(r => r.change === change);
        return [repeated?.order.tau ?? undefined, repeated?.moved];
      }),
    ]),
  );
  return { name: 'audit', columns: COLUMNS, lines };
}

function reasonOf({ reason, untried }: Pick<AuditEntry, 'reason' | 'untried'>): string {
  return untried ? `${reason}; not tried: ${untried.join(', ')}` : reason;
}
