import { arch, cpus, platform, release, totalmem } from 'node:os';
import type { Plan } from '../config/plan.ts';
import type { AttributionKind } from '../core/contracts/index.ts';
import { positiveClass } from '../core/positive-class.ts';
import { FORMAT_VERSION, type Manifest } from '../results/rows.ts';

/** The manifest that a run of this plan starts with. */
export function describePlan(plan: Plan, command: string): Manifest {
  const said = plan.discretion ?? { text: text => text, value: value => value };
  return {
    formatVersion: FORMAT_VERSION,
    name: said.text(plan.name),
    planDigest: plan.digest,
    state: 'running',
    command: command.split(' ').map(said.text).join(' '),
    suite: plan.suite,
    seed: String(plan.seed),
    versions: { 'ct-xai-bench': plan.version, node: process.version },
    hardware: hardware(),
    startedAt: new Date().toISOString(),
    resumed: 0,
    dataset: {
      name: plan.dataset.name,
      digest: plan.dataset.digest,
      count: imagesOf(plan),
      labels: plan.dataset.labels,
      ...(plan.dataset.findings ? { findings: plan.dataset.findings } : {}),
    },
    models: plan.models.map(({ id, digest, card, audits }) => ({
      id,
      digest,
      classes: card.classes,
      task: card.task,
      positive: card.classes[positiveClass(card)]!,
      ...(card.group === undefined ? {} : { group: card.group }),
      ...(card.threshold === undefined ? {} : { threshold: card.threshold }),
      ...(card.measure === undefined ? {} : { measure: card.measure }),
      ...(audits ? { audits } : {}),
    })),
    methods: plan.explainers.map(({ id, explainer, baseline, of, options }) => ({
      id,
      name: explainer.name,
      title: explainer.title,
      cite: explainer.cite,
      kind: kindOf(plan, id),
      role: explainer.role,
      ...(of === undefined ? {} : { of }),
      ...(baseline === undefined ? {} : { baseline }),
      options: said.value(options),
    })),
    metrics: plan.metrics.map(({ id, metric, baseline, options }) => ({
      id,
      name: metric.name,
      title: titleOf(metric.title, id, baseline),
      cite: metric.cite,
      category: metric.category,
      better: metric.better,
      range: [finite(metric.range[0]), finite(metric.range[1])],
      scope: metric.scope,
      rankable: metric.rankable,
      ...(metric.chance === undefined ? {} : { chance: metric.chance }),
      ...(baseline === undefined ? {} : { baseline }),
      options: said.value(options),
    })),
    ...(plan.repetitions
      ? {
          repetitions: plan.repetitions.map(({ id, of, change, baseline, options }) => ({
            ...{ id, of, change },
            ...(baseline === undefined ? {} : { baseline }),
            options: said.value(options),
          })),
        }
      : {}),
    target: plan.target.kind === 'class' ? `class ${plan.target.name}` : plan.target.kind,
    analysis: plan.analysis,
  };
}

/** The metric's title; with its baseline, where the suite has the metric with several. */
function titleOf(title: string, id: string, baseline: string | undefined): string {
  return baseline !== undefined && id.endsWith(`(${baseline})`) ? `${title} (${baseline})` : title;
}

/** How many images a run of the plan sees. */
export function imagesOf({ dataset, limit }: Pick<Plan, 'dataset' | 'limit'>): number {
  return Math.min(dataset.count, limit ?? dataset.count);
}

/** A map of another image is of the kind that its method makes. */
export function kindOf(plan: Pick<Plan, 'explainers'>, id: string): AttributionKind {
  const planned = plan.explainers.find(e => e.id === id);
  const source = planned?.of === undefined ? planned : plan.explainers.find(e => e.id === planned.of);
  const { explainer, options } = (source ?? planned)!;
  return explainer.kindOf(options);
}

function finite(v: number): number | null {
  return Number.isFinite(v) ? v : null;
}

export function hardware(): Manifest['hardware'] {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() || arch(),
    cores: cores.length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()} ${arch()}`,
  };
}
