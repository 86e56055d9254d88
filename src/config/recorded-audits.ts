import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { EarlierAudit, ModelCard } from '../core/contracts/index.ts';
import { jsonDigest } from '../core/digest.ts';
import type { PlannedMetric } from './plan.ts';

/** Beside a model's file: what audits of metrics found on data whose truth is known. */
export const AUDIT_FILE = 'audit.json';

const record = z.object({
  /** Digest of the model, and of the metric with its options and baseline. */
  model: z.string(),
  metric: z.string(),
  /** The metric's name, for readers. */
  name: z.string(),
  /** The data, in words: 'phantom v2'. */
  data: z.string(),
  verdict: z.enum(['supported', 'contradicted', 'not shown']),
  patients: z.number().int().positive(),
});

export type RecordedAudit = z.output<typeof record>;

/** Names a metric with everything that changes its values. */
export function metricDigest({
  name,
  options,
  baseline,
}: Pick<RecordedAudit, 'name'> & { readonly options: unknown; readonly baseline?: string }): string {
  return jsonDigest([name, options ?? {}, baseline ?? null]);
}

/**
 * What the audit beside a model says of a plan's metrics, by their ids.
 * @param digest of the model
 */
export async function earlierAudits(
  { file }: ModelCard,
  digest: string,
  metrics: readonly PlannedMetric[],
): Promise<Readonly<Record<string, EarlierAudit>>> {
  const text = await readFile(join(dirname(file), AUDIT_FILE), 'utf8').catch(() => '[]');
  const known = z.array(record).catch([]).parse(parsed(text));
  const found = metrics.flatMap(({ id, metric, options, baseline }) => {
    const own = metricDigest({ name: metric.name, options, ...(baseline === undefined ? {} : { baseline }) });
    const before = known.find(r => r.model === digest && r.metric === own);
    return before ? [[id, { verdict: before.verdict, data: before.data, patients: before.patients }] as const] : [];
  });
  return Object.fromEntries(found);
}

/** What cannot be read was never audited. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return [];
  }
}
