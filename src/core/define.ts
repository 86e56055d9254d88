import { z } from 'zod';
import type {
  Attribution,
  AttributionKind,
  BackwardRules,
  Baseline,
  Capability,
  CheckSettings,
  Collected,
  Cost,
  DataReader,
  ExplainContext,
  Explainer,
  ExplainerNeed,
  Json,
  Metric,
  MetricCategory,
  MetricContext,
  MetricNeed,
  ModelFacts,
  ModelVariant,
  PassCount,
  Preset,
  Score,
  Undefined,
} from './contracts/index.ts';
import { undefinedBecause } from './contracts/index.ts';
import { CtXaiError } from './errors.ts';
import { mapDefect, sameShape } from './tensor.ts';

/** Plug-ins written for any of these load; version 2 adds readers, baselines and new abilities to version 1. */
export const PLUGIN_API_VERSION = 2;
export const PLUGIN_API_VERSIONS: readonly number[] = [1, 2];

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

/** A value, or what gives it for the options that were chosen. */
type ByOptions<T, O> = T | ((options: O) => T);

export interface ExplainerSpec<R extends readonly Capability[], O extends z.ZodType> {
  name: string;
  title: string;
  summary?: string;
  /** For whom it is and when to prefer another, in one plain sentence. */
  advice?: string;
  cite: string;
  /** What the map's values are; may depend on the options. */
  kind: ByOptions<AttributionKind, z.output<O>>;
  role?: 'method' | 'control';
  /** What the model must offer beyond scores. Default: nothing. */
  requires?: R;
  /** Where fewer or other abilities are required for some options. Default: `requires`. */
  requiresOf?(options: z.output<O>): readonly Capability[];
  /** The backward rules that it takes first, by which `inspect` tells whether a network has them. Default: none. */
  rules?: ByOptions<BackwardRules, z.output<O>>;
  /** What it must be given besides. Default: nothing. */
  needs?: ByOptions<readonly ExplainerNeed[], z.output<O>>;
  /** The same as `needs: ['donor']`, as plug-ins of version 1 say it. */
  needsDonor?: boolean;
  /** The explainer that it wraps by default. */
  wraps?: string;
  /** Options of that explainer, as long as a suite names no other. Default: its own defaults. */
  innerOptions?: ByOptions<Readonly<Record<string, unknown>>, z.output<O>>;
  /** The default baseline, where the explainer uses one. */
  baseline?: string;
  followsPath?: boolean;
  classBlind?: boolean;
  /** What ties the pixels of most maps. Default: `regions` where the kind is `regional`, else `none`. */
  ties?: ByOptions<'regions' | 'zeros' | 'none', z.output<O>>;
  /** Whether it draws random numbers, so that another seed gives another map. Default: false. */
  draws?: boolean;
  /** Numbers of spatial dimensions that it works in. Default: 2 only. */
  dimensions?: readonly number[];
  /** Its random stream's name, where it is shared with others. Default: its own name. */
  stream?: string;
  /** A zod object with defaults. Default: no options. */
  options?: O;
  presets?: Readonly<Record<string, Preset>>;
  /** How it is made small to be checked. */
  checks?: CheckSettings;
  /** Default: one forward pass; of an explainer that wraps another, what that one costs. */
  cost?(options: z.output<O>, model: ModelFacts, inner: Cost): Cost;
  /** What the passes of a budget are best spent on; see the contract. Default: it has one cost only. */
  spend?(
    passes: number,
    options: z.output<O>,
    model: ModelFacts,
    inner: Cost,
  ): Readonly<Record<string, unknown>> | undefined;
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
  type Options = z.output<O>;
  const { cost, spend, explain, requiresOf, rules, wraps, innerOptions, baseline, kind, needs, ties } = spec;
  const fixed = spec.needsDonor ? (['donor'] as const) : [];
  return {
    name: spec.name,
    title: spec.title,
    summary: spec.summary ?? '',
    advice: spec.advice ?? '',
    cite: spec.cite,
    kindOf: options => (typeof kind === 'function' ? kind(options as Options) : kind),
    role: spec.role ?? 'method',
    requiresOf: options => requiresOf?.(options as Options) ?? spec.requires ?? [],
    rulesOf: options => (typeof rules === 'function' ? rules(options as Options) : rules),
    needsOf: options => [...fixed, ...((typeof needs === 'function' ? needs(options as Options) : needs) ?? [])],
    ...(wraps === undefined ? {} : { wraps }),
    innerOptionsOf: options =>
      (typeof innerOptions === 'function' ? innerOptions(options as Options) : innerOptions) ?? {},
    ...(baseline === undefined ? {} : { baseline }),
    followsPath: spec.followsPath ?? false,
    classBlind: spec.classBlind ?? false,
    tiesOf(options) {
      const said = typeof ties === 'function' ? ties(options as Options) : ties;
      if (said !== undefined) return said === 'none' ? undefined : said;
      return this.kindOf(options) === 'regional' ? 'regions' : undefined;
    },
    draws: spec.draws ?? false,
    dimensions: spec.dimensions ?? [2],
    stream: spec.stream ?? spec.name,
    options: spec.options ?? noOptions,
    presets: spec.presets ?? {},
    checks: spec.checks ?? {},
    cost: (options, model, inner = ONE_PASS) => cost?.(options as Options, model, inner) ?? inner,
    ...(spend
      ? { spend: (passes, options, model, inner = ONE_PASS) => spend(passes, options as Options, model, inner) }
      : {}),
    explain: context => explain(context as unknown as ExplainContext<R, Options>),
  };
}

const ONE_PASS: Cost = { forward: 1, backward: 0 };
const NO_PASS: PassCount = { forward: 0, backward: 0 };

interface MetricSpecBase<O extends z.ZodType> {
  name: string;
  title: string;
  summary?: string;
  cite: string;
  category: MetricCategory;
  better: 'higher' | 'lower';
  range: readonly [number, number];
  rangeByDefault?: readonly [number, number];
  chance?: number | 'image';
  /** Default: true. */
  rankable?: boolean;
  /** Default: true. */
  meansForNegatives?: boolean;
  /** Why it has no meaning for a regression. Default: it has one. */
  needsClasses?: string | ((options: z.output<O>) => string | undefined);
  /** Default: all. */
  kinds?: readonly AttributionKind[];
  undefinedWhen?: string;
  criticism?: string;
  criticismSource?: string;
  needs?: readonly MetricNeed[];
  /** Default: 2 only. */
  dimensions?: readonly number[];
  baseline?: string;
  options?: O;
  presets?: Readonly<Record<string, Preset>>;
  checks?: CheckSettings;
  /** Needs 'weights': under which variants of the model maps are wanted. */
  variants?(options: z.output<O>): readonly ModelVariant[];
  /** Default: no pass. */
  cost?(options: z.output<O>, model: ModelFacts, explanation: Cost): Cost;
}

export interface MetricSpec<O extends z.ZodType> extends MetricSpecBase<O> {
  evaluate(context: MetricContext<z.output<O>>): Promise<Score | Undefined>;
}

export interface GroupMetricSpec<O extends z.ZodType, I extends Json> extends MetricSpecBase<O> {
  collect(context: MetricContext<z.output<O>>): Promise<I | Undefined>;
  combine(items: readonly (Collected & { readonly item: I })[], options: z.output<O>): Score | Undefined;
}

/**
 * A metric of one map on one image.
 * @throws CtXaiError PLUGIN if the specification is not usable.
 */
export function defineMetric<O extends z.ZodType = typeof noOptions>(spec: MetricSpec<O>): Metric {
  checkSpec('metric', spec, ['evaluate']);
  const { evaluate } = spec;
  return {
    ...commonParts(spec),
    scope: 'map',
    evaluate: async context => whyNot(context) ?? evaluate(context as MetricContext<z.output<O>>),
  };
}

/**
 * A metric of all maps that an explainer gives of a model: `collect` reads one map, `combine` makes the group's value.
 * @throws CtXaiError PLUGIN if the specification is not usable.
 */
export function defineGroupMetric<O extends z.ZodType = typeof noOptions, I extends Json = Json>(
  spec: GroupMetricSpec<O, I>,
): Metric {
  checkSpec('metric', spec, ['collect', 'combine']);
  type Options = z.output<O>;
  const { collect, combine } = spec;
  return {
    ...commonParts(spec),
    scope: 'group',
    async evaluate() {
      throw new CtXaiError('PLUGIN', `metric '${spec.name}' has a value for a group of maps, none for one map.`);
    },
    collect: async context => whyNot(context) ?? collect(context as MetricContext<Options>),
    combine: (items, options) => combine(items as readonly (Collected & { readonly item: I })[], options as Options),
  };
}

/**
 * Why no metric can score this map; undefined where it can be scored.
 * @throws CtXaiError PLUGIN if map or mask do not lie on the image's grid.
 */
function whyNot({ attribution, mask, view, signal }: MetricContext<unknown>): Undefined | undefined {
  signal.throwIfAborted();
  for (const [what, map] of Object.entries({ map: attribution, ...(mask ? { mask } : {}) })) {
    if (sameShape(map.shape, view.shape)) continue;
    const [given, needed] = [map.shape.join(', '), view.shape.join(', ')];
    throw new CtXaiError('PLUGIN', `the ${what} has shape [${given}]; the image needs [${needed}].`);
  }
  const defect = mapDefect(attribution);
  return defect === null ? undefined : undefinedBecause(defect);
}

function commonParts<O extends z.ZodType>(spec: MetricSpecBase<O>): Omit<Metric, 'scope' | 'evaluate'> {
  type Options = z.output<O>;
  const { cost, variants, chance, baseline, needsClasses } = spec;
  return {
    name: spec.name,
    title: spec.title,
    summary: spec.summary ?? '',
    cite: spec.cite,
    category: spec.category,
    better: spec.better,
    range: spec.range,
    ...(spec.rangeByDefault ? { rangeByDefault: spec.rangeByDefault } : {}),
    ...(chance === undefined ? {} : { chance }),
    rankable: spec.rankable ?? true,
    meansForNegatives: spec.meansForNegatives ?? true,
    needsClasses: options => (typeof needsClasses === 'function' ? needsClasses(options as Options) : needsClasses),
    kinds: spec.kinds ?? ['additive', 'regional', 'ranking'],
    undefinedWhen: spec.undefinedWhen ?? '',
    criticism: spec.criticism ?? '',
    criticismSource: spec.criticismSource ?? '',
    needs: spec.needs ?? [],
    dimensions: spec.dimensions ?? [2],
    ...(baseline === undefined ? {} : { baseline }),
    options: spec.options ?? noOptions,
    presets: spec.presets ?? {},
    checks: spec.checks ?? {},
    variantsOf: options => variants?.(options as Options) ?? [],
    cost: (options, model, explanation) => cost?.(options as Options, model, explanation) ?? NO_PASS,
  };
}

/**
 * A reader of images, for the `data` of a suite.
 * @throws CtXaiError PLUGIN if the specification is not usable.
 */
export function defineReader(spec: DataReader): DataReader {
  checkSpec('data reader', spec, ['open'], ['title']);
  return spec;
}

/**
 * A baseline: an image, or with `fill` a filler.
 * @throws CtXaiError PLUGIN if the specification is not usable.
 */
export function defineBaseline(spec: Baseline): Baseline {
  checkSpec('baseline', spec, ['make'], ['title']);
  return spec;
}

export interface Plugin {
  readonly name: string;
  readonly apiVersion: number;
  readonly explainers: readonly Explainer[];
  readonly metrics: readonly Metric[];
  readonly readers: readonly DataReader[];
  readonly baselines: readonly Baseline[];
}

/** A plug-in's default export: its parts under one name. */
export function definePlugin(spec: {
  name: string;
  apiVersion?: number;
  explainers?: readonly Explainer[];
  metrics?: readonly Metric[];
  readers?: readonly DataReader[];
  baselines?: readonly Baseline[];
}): Plugin {
  return {
    name: spec.name,
    apiVersion: spec.apiVersion ?? PLUGIN_API_VERSION,
    explainers: spec.explainers ?? [],
    metrics: spec.metrics ?? [],
    readers: spec.readers ?? [],
    baselines: spec.baselines ?? [],
  };
}

function checkSpec(
  what: 'explainer' | 'metric' | 'data reader' | 'baseline',
  spec: object,
  functions: readonly string[],
  texts: readonly string[] = ['title', 'cite'],
): void {
  const s = spec as Record<string, unknown>;
  const name = typeof s['name'] === 'string' ? s['name'] : '';
  if (!NAME.test(name)) {
    throw new CtXaiError('PLUGIN', `${what} name '${String(s['name'])}' is not kebab-case (like 'grad-cam').`);
  }
  for (const key of texts) {
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
