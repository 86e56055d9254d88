import { builtinRegistry } from '../../builtin.ts';
import type { PlanCost } from '../../config/cost.ts';
import type { Plan } from '../../config/plan.ts';
import { loadPlan } from '../../config/resolve.ts';
import type { PassCount } from '../../core/contracts/index.ts';
import { findingsText } from '../../core/findings.ts';
import { positiveClass } from '../../core/positive-class.ts';
import { type CheckResult, checkPlan } from '../../runners/check-plan.ts';
import { type DataSummary, summariseData } from '../../runners/data-summary.ts';
import { cacheFolder } from '../shared/cache.ts';
import { counted } from '../shared/counted.ts';
import { duration, ExitCode, print, textTable } from '../shared/output.ts';
import { overridesOf } from '../shared/suite-options.ts';

export interface CheckArguments {
  readonly suite: string;
  readonly limit?: number | undefined;
  readonly seed?: string | undefined;
  readonly device?: string | undefined;
  readonly data?: string | undefined;
  readonly json: boolean;
  readonly measure: boolean;
}

/** `ct-xai check`. */
export async function checkSuiteCommand(argv: CheckArguments): Promise<number> {
  const plan = await loadPlan(argv.suite, builtinRegistry(), { env: process.env, overrides: overridesOf(argv) });
  const result = await checkPlan(plan, { cacheDir: cacheFolder(), measure: argv.measure });
  const data = await summariseData(plan);
  if (argv.json) {
    print(JSON.stringify({ name: plan.name, digest: plan.digest, suite: plan.suite, data, ...result }, null, 2));
  } else print(describe(plan, result, data));
  return ExitCode.ok;
}

function describeData(plan: Plan, summary: DataSummary): string[] {
  const { images, patients, masks, labels, findings, remarks } = summary;
  const each = Object.entries(labels).map(
    ([label, n]) => `${label || 'no label'} ${n.images} (${n.patients} ${n.patients === 1 ? 'patient' : 'patients'})`,
  );
  return [
    `data     ${plan.dataset.name}: ${images} of ${counted(plan.dataset.count, 'image')} of ${counted(patients, 'patient')}, ${masks} with a mask`,
    findings ? `findings ${findingsText(findings)}` : `labels   ${each.join(', ')}`,
    ...remarks.map(remark => `         ${remark}`),
  ];
}

function explainedLine({ images, models }: PlanCost): string {
  const counts = [...new Set(models.map(m => m.explained))].join(' or ');
  return `explain  the ${counts} images whose label is the positive class; the others of ${images} are predicted only`;
}

/** 'positive (covid)': what it means for each model. */
function targetText({ target, models }: Plan): string {
  if (target.kind === 'class') return target.name;
  if (target.kind !== 'positive') return target.kind;
  const names = new Set(models.map(({ card }) => card.classes[positiveClass(card)]!));
  return `positive (${[...names].join(', ')})`;
}

/** What metrics would cost each by itself, less what they cost together. */
function savedLine({ models }: PlanCost): string[] {
  const [forward, backward] = (['forward', 'backward'] as const).map(pass =>
    models.reduce((sum, m) => sum + m.explained * m.saved[pass], 0),
  );
  if (!forward && !backward) return [];
  const also = backward ? ` and ${backward} backward` : '';
  return [`${forward} forward${also} passes are asked for by several metrics, and made once`];
}

function describe(plan: Plan, { cost, models, seconds, spacings }: CheckResult, data: DataSummary): string {
  const passes = (p: PassCount | undefined) => `${p?.forward ?? 0} + ${p?.backward ?? 0}`;
  const [first] = cost.models;
  const modelLines = plan.models.map(({ id, card }, i) => {
    const found = models.find(m => m.model === id);
    const { runtime } = found ?? {};
    return [
      id,
      `${card.input.size.join('×')}×${card.input.channels}`,
      spacings[i]?.map(mm => Number(mm.toPrecision(3))).join('×') ?? 'unknown',
      card.classes.join(', '),
      runtime ? `${runtime.engine} on ${runtime.device}, ${runtime.workers} × ${runtime.threads} threads` : '',
      found?.forwardMs === undefined ? '' : found.forwardMs.toFixed(1),
      found?.backwardMs === undefined ? '' : found.backwardMs.toFixed(1),
    ];
  });
  const options = (o: unknown) => {
    const text = JSON.stringify(o).replaceAll('"', '').slice(1, -1);
    return text.length > 90 ? `${text.slice(0, 89)}…` : text;
  };
  const parts: string[] = [
    `suite    ${plan.name}${plan.file ? ` (${plan.file})` : ''}`,
    ...describeData(plan, data),
    `target   ${targetText(plan)}`,
    ...(plan.explained === 'all' ? [] : [explainedLine(cost)]),
    `primary  ${plan.analysis.primary?.join(', ') ?? 'not declared (analysis.primary): the report takes one by rule'}`,
    `seed     ${plan.seed}`,
    `plan     ${plan.digest.slice(0, 16)}`,
    '',
    textTable([['model', 'input', 'mm', 'classes', 'runs on', 'forward ms', 'backward ms'], ...modelLines]),
    '',
    textTable([
      ['method', 'baseline', 'forward + backward', 'options'],
      ...plan.explainers.map(e => [e.id, e.baseline ?? '', passes(first?.explainers[e.id]), options(e.options)]),
    ]),
    '',
    textTable([
      ['metric', 'baseline', 'forward + backward', 'options'],
      ...[...plan.metrics, ...(plan.repetitions ?? [])].map(m => [
        m.id,
        m.baseline ?? '',
        passes(first?.metrics[m.id]),
        options(m.options),
      ]),
    ]),
    '',
    ...savedLine(cost),
    `expected: ${cost.total.forward} forward and ${cost.total.backward} backward passes${
      seconds === undefined ? '' : `, about ${duration(seconds)} by a short measurement`
    }${plan.timing.enabled ? ', and the timing phase' : ''}`,
  ];
  return parts.join('\n');
}
