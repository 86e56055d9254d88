import type { Plan, PlannedModel } from '../config/plan.ts';
import { samplesOf } from '../config/samples.ts';
import type { Sample } from '../core/contracts/index.ts';
import type { Journal } from '../results/journal.ts';
import { type Row, type UnitNames, unitOf } from '../results/rows.ts';

/** The units of work of one image, in plan order. */
export function unitsOf(plan: Pick<Plan, 'explainers' | 'metrics'>, model: string, sample: string): UnitNames[] {
  const names = { model, sample };
  return [
    { kind: 'sample', ...names },
    ...plan.explainers.flatMap(({ id: method }): UnitNames[] => [
      { kind: 'map', ...names, method },
      ...plan.metrics.map(({ id: metric }): UnitNames => ({ kind: 'score', ...names, method, metric })),
    ]),
  ];
}

/** Whether a unit of a model is not in the journal yet. A run that is complete opens no model. */
export async function hasWork(
  plan: Plan,
  model: PlannedModel,
  journal: Journal,
  retryFailed: boolean,
): Promise<boolean> {
  for await (const sample of samplesOf(plan)) {
    const rows = await journal.rowsOf(model.id, sample.id);
    const done = new Set(rows.filter(row => !(retryFailed && row.status === 'failed')).map(unitOf));
    if (unitsOf(plan, model.id, sample.id).some(unit => !done.has(unitOf(unit)))) return true;
  }
  return false;
}

/** The rows of an image of a model that can't be opened. */
export function failedRows(plan: Plan, model: string, sample: Sample, index: number, reason: string): Row[] {
  const own = { index, source: sample.source, patient: sample.patient };
  return unitsOf(plan, model, sample.id).map(
    unit => ({ ...unit, ...(unit.kind === 'sample' ? own : {}), status: 'failed', reason }) as Row,
  );
}
