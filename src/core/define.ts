import { z } from 'zod';
import type {
  Attribution,
  Capability,
  ExplainContext,
  Explainer,
  Metric,
  MetricCategory,
  MetricContext,
  MetricNeed,
  ModelInput,
  Preset,
  Score,
  Undefined,
} from './contracts/index.ts';
import { CtXaiError } from './errors.ts';

export const PLUGIN_API_VERSION = 1;

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

export interface ExplainerSpec<R extends readonly Capability[], O extends z.ZodType> {
  name: string;
  title: string;
  summary?: string;
  cite: string;
  kind: 'additive' | 'ranking';
  role?: 'method' | 'control';
  /** What the model must offer beyond scores. Default: nothing. */
  requires?: R;
  /** The default baseline, where the explainer uses one. */
  baseline?: string;
  needsDonor?: boolean;
  /** A zod object with defaults. Default: no options. */
  options?: O;
  presets?: Readonly<Record<string, Preset>>;
  /** Default: one forward pass. */
  cost?(options: z.output<O>, input: ModelInput): { forward: number; backward: number };
  /** What the passes of a budget are best spent on; see the contract. Default: it has one cost only. */
  spend?(passes: number, options: z.output<O>, input: ModelInput): Readonly<Record<string, unknown>> | undefined;
  explain(context: ExplainContext<R, z.output<O>>): Promise<Attribution | Undefined>;
}

const noOptions = z.strictObject({});

/**
 * An explainer. What it may ask of the model follows from `requires`; `options` are checked before `explain` runs.
 * @throws CtXaiError PLUGIN if the specification is not usable.
 */
export function defineExplainer<const R extends readonly Capability[] = [], O extends z.ZodType = typeof noOptions>(
  spec: ExplainerSpec<R, O>,
): Explainer {
  checkSpec('explainer', spec, ['explain']);
  const { cost, spend, explain } = spec;
  return {
    name: spec.name,
    title: spec.title,
    summary: spec.summary ?? '',
    cite: spec.cite,
    kind: spec.kind,
    role: spec.role ?? 'method',
    requires: spec.requires ?? [],
    ...(spec.baseline === undefined ? {} : { baseline: spec.baseline }),
    needsDonor: spec.needsDonor ?? false,
    options: spec.options ?? noOptions,
    presets: spec.presets ?? {},
    cost: (options, input) => cost?.(options as z.output<O>, input) ?? { forward: 1, backward: 0 },
    ...(spend ? { spend: (passes, options, input) => spend(passes, options as z.output<O>, input) } : {}),
    explain: context => explain(context as unknown as ExplainContext<R, z.output<O>>),
  };
}

export interface MetricSpec<O extends z.ZodType> {
  name: string;
  title: string;
  summary?: string;
  cite: string;
  category: MetricCategory;
  better: 'higher' | 'lower';
  range: readonly [number, number];
  needs?: readonly MetricNeed[];
  baseline?: string;
  options?: O;
  presets?: Readonly<Record<string, Preset>>;
  /** Default: no pass. */
  cost?(options: z.output<O>, input: ModelInput): { forward: number; backward: number };
  evaluate(context: MetricContext<z.output<O>>): Promise<Score | Undefined>;
}

/**
 * A metric of one map on one image.
 * @throws CtXaiError PLUGIN if the specification is not usable.
 */
export function defineMetric<O extends z.ZodType = typeof noOptions>(spec: MetricSpec<O>): Metric {
  checkSpec('metric', spec, ['evaluate']);
  const { cost, evaluate } = spec;
  return {
    name: spec.name,
    title: spec.title,
    summary: spec.summary ?? '',
    cite: spec.cite,
    category: spec.category,
    better: spec.better,
    range: spec.range,
    needs: spec.needs ?? [],
    ...(spec.baseline === undefined ? {} : { baseline: spec.baseline }),
    options: spec.options ?? noOptions,
    presets: spec.presets ?? {},
    cost: (options, input) => cost?.(options as z.output<O>, input) ?? { forward: 0, backward: 0 },
    evaluate: context => evaluate(context as MetricContext<z.output<O>>),
  };
}

export interface Plugin {
  readonly name: string;
  readonly apiVersion: number;
  readonly explainers: readonly Explainer[];
  readonly metrics: readonly Metric[];
}

/** A plugin's default export: explainers and metrics under one name. */
export function definePlugin(spec: {
  name: string;
  apiVersion?: number;
  explainers?: readonly Explainer[];
  metrics?: readonly Metric[];
}): Plugin {
  return {
    name: spec.name,
    apiVersion: spec.apiVersion ?? PLUGIN_API_VERSION,
    explainers: spec.explainers ?? [],
    metrics: spec.metrics ?? [],
  };
}

function checkSpec(what: 'explainer' | 'metric', spec: object, functions: readonly string[]): void {
  const s = spec as Record<string, unknown>;
  const name = typeof s['name'] === 'string' ? s['name'] : '';
  if (!NAME.test(name)) {
    throw new CtXaiError('PLUGIN', `${what} name '${String(s['name'])}' is not kebab-case (like 'grad-cam').`);
  }
  for (const key of ['title', 'cite']) {
    if (typeof s[key] !== 'string' || s[key] === '') {
      throw new CtXaiError('PLUGIN', `${what} '${name}': '${key}' is missing; it must be a string.`);
    }
  }
  for (const key of functions) {
    if (typeof s[key] !== 'function') {
      throw new CtXaiError('PLUGIN', `${what} '${name}': '${key}' is missing; it must be a function.`);
    }
  }
}
