import { type Collected, isUndefined } from '../core/contracts/index.ts';
import { lookUp } from '../core/registry.ts';
import type { GroupRow } from '../results/rows.ts';
import { type GroupScoreJob, keyOf } from './job.ts';
import { attempt } from './outcomes.ts';
import type { JobResult, Services } from './services.ts';

/** The value of a group metric over all maps of an explainer and model. */
export async function scoreGroup(job: GroupScoreJob, services: Services): Promise<JobResult> {
  const metric = lookUp(services.registry.metrics, 'metric', job.metric.use, job.metric.id);
  const { classes } = services.card(job.model);
  const items: Collected[] = [];
  /** Why maps were skipped. */
  const skipped = new Set<string>();
  for (const need of job.needs) {
    const row = (await services.result(need, job.model))?.row;
    if (row?.kind === 'item' && row.status === 'skipped' && row.reason !== undefined) skipped.add(row.reason);
    if (row?.kind !== 'item' || row.status !== 'ok') continue;
    const { sample } = await services.sample(job.model, { id: need.sample, data: job.data });
    items.push({
      item: row.item ?? null,
      sample: row.sample,
      patient: sample.patient,
      class: classes.indexOf(row.target ?? ''),
    });
  }
  const names = {
    kind: 'group' as const,
    job: keyOf(job),
    model: job.model.id,
    method: job.explainer.id,
    metric: job.metric.id,
    ...(job.metric.baseline === undefined ? {} : { baseline: job.metric.baseline }),
    maps: items.length,
  };
  const outcome = await attempt(
    services,
    async (): Promise<Pick<GroupRow, 'status' | 'reason' | 'value' | 'chance' | 'details'>> => {
      const [reason] = skipped;
      if (items.length === 0 && skipped.size === 1) return { status: 'skipped', reason: reason! };
      if (items.length === 0) return { status: 'undefined', reason: 'there are no maps that it could be taken of' };
      const found = metric.combine!(items, job.metric.options);
      if (isUndefined(found)) return { status: 'undefined', reason: found.undefined };
      if (!Number.isFinite(found.value)) return { status: 'failed', reason: `the metric returned ${found.value}` };
      return {
        status: 'ok',
        value: found.value,
        ...(found.chance === undefined ? {} : { chance: found.chance }),
        ...(found.details ? { details: found.details } : {}),
      };
    },
  );
  return { row: { ...names, ...outcome } satisfies GroupRow };
}
