import { jsonDigest } from '../core/digest.ts';
import type { Plan, PlannedExplainer, PlannedMetric } from './plan.ts';
import type { LoadedPlugin } from './plugins.ts';
import type { Suite } from './schema.ts';

type Unsigned = Omit<Plan, 'suite' | 'digest'>;

/** The digest of all that affects results; see `Plan.digest`. */
export function planDigest(plan: Unsigned, plugins: readonly LoadedPlugin[]): string {
  return jsonDigest({
    version: plan.version,
    seed: plan.seed,
    models: plan.models.map(m => [
      m.id,
      m.digest,
      [...m.classOf],
      m.targetClass ?? null,
      m.card.positive ?? null,
      ...(m.absences ? [[...m.absences]] : []),
    ]),
    data: plan.dataset.digest,
    ...(plan.background ? { background: plan.background.digest } : {}),
    labels: plan.labels,
    limit: plan.limit ?? null,
    explainers: plan.explainers.map(recordOf),
    metrics: plan.metrics.map(recordOf),
    ...(plan.repetitions ? { repetitions: plan.repetitions.map(recordOf) } : {}),
    target: plan.target,
    ...(plan.explained === 'all' ? {} : { explain: plan.explained }),
    engine: plan.engine,
    plugins: plugins.map(p => [p.plugin.name, p.digest]),
  });
}

/** The resolved suite as plain JSON. */
export function planRecord(
  plan: Unsigned,
  more: { readonly suite: Suite; readonly dataOptions: object; readonly plugins: readonly LoadedPlugin[] },
): Record<string, unknown> {
  const { suite, dataOptions, plugins } = more;
  const record = {
    name: plan.name,
    description: suite.description,
    file: plan.file,
    models: plan.models.map(m => ({ id: m.id, digest: m.digest, card: m.card })),
    data: { use: suite.data.use, ...dataOptions, labels: plan.labels, digest: plan.dataset.digest },
    explainers: plan.explainers.map(recordOf),
    metrics: plan.metrics.map(recordOf),
    repetitions: plan.repetitions?.map(recordOf),
    target: suite.target,
    analysis: suite.analysis,
    baselines: suite.baselines,
    explain: plan.explained === 'all' ? undefined : plan.explained,
    precision: suite.precision,
    seed: plan.seed,
    limit: plan.limit,
    timing: plan.timing,
    engine: plan.engine,
    plugins: plugins.map(p => ({ name: p.plugin.name, source: p.source, digest: p.digest })),
    limits: plan.limits,
    output: plan.output,
  };
  // Without what is undefined, and a copy that no later change reaches.
  return JSON.parse(JSON.stringify(record)) as Record<string, unknown>;
}

function recordOf(part: PlannedExplainer | PlannedMetric): Record<string, unknown> {
  const { id, preset, options, baseline } = part;
  const inner = 'inner' in part && part.inner ? { inner: recordOf(part.inner) } : {};
  const use = 'explainer' in part ? part.explainer.name : part.metric.name;
  return { id, use, preset, options, baseline, ...('of' in part ? { of: part.of } : {}), ...inner };
}
