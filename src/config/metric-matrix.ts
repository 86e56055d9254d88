import type { AttributionKind, Metric, MetricCategory, MetricNeed, ModelFacts } from '../core/contracts/index.ts';
import type { Registry } from '../core/registry.ts';

/** What one value costs at default options, for an image of 224 × 224 pixels of 1 mm. */
export interface MetricCostFacts {
  /** The metric's own passes. */
  readonly forward: number;
  readonly backward: number;
  /** Explanations of other images, or under other weights, that it asks for. */
  readonly explanations: number;
  /** Whether it may be less. */
  readonly atMost: boolean;
}

/** All that one should know of a metric before its values are believed; plain JSON. */
export interface MetricFacts {
  readonly name: string;
  readonly title: string;
  readonly summary: string;
  readonly category: MetricCategory;
  readonly better: 'higher' | 'lower';
  /** At default options; null: unbounded. */
  readonly range: readonly [number | null, number | null];
  /** What a map that knows nothing scores; `image`: it depends on the image, and is given beside the value; null: unknown. */
  readonly chance: number | 'image' | null;
  /** Whether explainers may be ranked by it. */
  readonly ranked: boolean;
  readonly meansForNegatives: boolean;
  /** Why it has no meaning for a regression, at default options; null: it has one. */
  readonly needsClasses: string | null;
  readonly scope: 'map' | 'group';
  readonly needs: readonly MetricNeed[];
  /** Kinds of maps that it takes. */
  readonly kinds: readonly AttributionKind[];
  readonly dimensions: readonly number[];
  readonly baseline: string | null;
  readonly cost: MetricCostFacts;
  readonly undefinedWhen: string;
  readonly criticism: string;
  readonly criticismSource: string;
  readonly source: string;
  /** Why it is in a set, by the set's name. */
  readonly sets: Readonly<Record<string, string>>;
}

const IMAGE: ModelFacts = { spatial: [224, 224], channels: 1, classes: 2 };

/** The facts of one metric. */
export function metricFacts(metric: Metric, { metricSets }: Pick<Registry, 'metricSets'>): MetricFacts {
  const range = metric.rangeByDefault ?? metric.range;
  const bound = (value: number) => (Number.isFinite(value) ? value : null);
  const reasons = [...metricSets.values()].flatMap(set =>
    set.metrics.filter(m => m.use === metric.name).map(m => [set.name, m.reason] as const),
  );
  return {
    name: metric.name,
    title: metric.title,
    summary: metric.summary,
    category: metric.category,
    better: metric.better,
    range: [bound(range[0]), bound(range[1])],
    chance: metric.chance ?? null,
    ranked: metric.rankable,
    meansForNegatives: metric.meansForNegatives,
    needsClasses: metric.needsClasses(metric.options.parse({})) ?? null,
    scope: metric.scope,
    needs: metric.needs,
    kinds: metric.kinds,
    dimensions: metric.dimensions,
    baseline: metric.baseline ?? null,
    cost: costFacts(metric),
    undefinedWhen: metric.undefinedWhen,
    criticism: metric.criticism,
    criticismSource: metric.criticismSource,
    source: metric.cite,
    sets: Object.fromEntries(reasons),
  };
}

function costFacts(metric: Metric): MetricCostFacts {
  const options = metric.options.parse({});
  const own = metric.cost(options, IMAGE, { forward: 0, backward: 0 });
  const all = metric.cost(options, IMAGE, { forward: 1, backward: 0 });
  return {
    forward: own.forward,
    backward: own.backward,
    explanations: all.forward - own.forward + metric.variantsOf(options).length,
    atMost: own.atMost ?? false,
  };
}

/** A cost in words: '201 passes', '10 explanations', 'at most 28 passes'. */
export function costText({ forward, backward, explanations, atMost }: MetricCostFacts): string {
  const count = (n: number, one: string, more: string) => (n === 0 ? [] : [`${n} ${n === 1 ? one : more}`]);
  const parts = [
    ...count(explanations, 'explanation', 'explanations'),
    ...count(forward, 'pass', 'passes'),
    ...count(backward, 'gradient', 'gradients'),
  ];
  return parts.length === 0 ? 'nothing' : `${atMost ? 'at most ' : ''}${parts.join(' + ')}`;
}

/** A range in words: '0 … 1', '≥ 0', 'any'. */
export function rangeText([low, high]: MetricFacts['range']): string {
  const text = (value: number) => String(value).replace('-', '−');
  if (low !== null && high !== null) return `${text(low)} … ${text(high)}`;
  if (low !== null) return `≥ ${text(low)}`;
  return high === null ? 'any' : `≤ ${text(high)}`;
}

const SECTIONS: readonly (readonly [category: MetricCategory, question: string])[] = [
  ['faithfulness', 'Does the model use what the map shows?'],
  ['robustness', 'Does the map stay where the prediction stays?'],
  ['randomisation', 'Does the map depend on what the model has learned?'],
  ['axiomatic', 'Does the map keep what it promises?'],
  ['localisation', 'Does the map lie where a reader looks? Plausibility, not faithfulness.'],
  ['truth', 'Does the map show what the model uses, as interventions tell?'],
  ['complexity', 'What is the map like? Never ranked.'],
];

/** docs/metrics.md: what `ct-xai list metrics --json` says, as a page. */
export function metricPage(registry: Pick<Registry, 'metrics' | 'metricSets'>): string {
  const all = [...registry.metrics.values()].map(metric => metricFacts(metric, registry));
  const sets = [...registry.metricSets.values()].map(
    set =>
      `## \`metrics: ${set.name}\`\n\n${set.summary}\n\n` +
      table(
        ['Metric', 'Why'],
        set.metrics.map(m => {
          const options = m.options ? ` with \`${JSON.stringify(m.options).replaceAll('"', '')}\`` : '';
          return [`\`${m.use}\`${options}`, m.reason];
        }),
      ),
  );
  const sections = SECTIONS.map(([category, question]) => {
    const own = all.filter(m => m.category === category);
    const title = category[0]!.toUpperCase() + category.slice(1);
    return `## ${title}\n\n${question}\n\n${overview(own)}\n\n${own.map(entry).join('\n\n')}`;
  });
  return `${[INTRODUCTION, ...sets, ...sections].join('\n\n')}\n`;
}

const INTRODUCTION = `# Metrics

Written by the program from what each metric declares: \`ct-xai list metrics --json\` gives the same as JSON, with all
options. Do not edit it; \`npx vitest run test/config/metric-matrix.test.ts -u\` writes it anew.

*Range* is that of default options. *Chance* is what a map that knows nothing scores; *by image*: it depends on the image, such as the mask's share of the
body, and stands beside each value. *Cost* is what one value takes at default options on an image of 224 × 224 pixels
of 1 mm: passes of the model, and explanations of other images or under other weights. Metrics that ask for the same
passes share them. *Maps* are the kinds that it takes; controls, such as \`random\`, are scored by all. *Group* metrics
have one value for all maps of an explainer.`;

function overview(metrics: readonly MetricFacts[]): string {
  return table(
    ['Metric', 'Better', 'Range', 'Chance', 'Cost', 'Needs', 'Maps', 'Ranked'],
    metrics.map(m => [
      `\`${m.name}\``,
      m.better === 'higher' ? '↑' : '↓',
      rangeText(m.range),
      m.chance === 'image' ? 'by image' : m.chance === null ? '–' : String(m.chance),
      costText(m.cost),
      [...m.needs, ...(m.scope === 'group' ? ['group'] : [])].join(', ') || 'the map only',
      m.kinds.length === 3 ? 'all' : m.kinds.join(', '),
      m.ranked ? 'yes' : 'no',
    ]),
  );
}

function entry(m: MetricFacts): string {
  const negatives = m.meansForNegatives ? '' : ' It has no meaning where the class explained is a negative one.';
  const regressions = m.needsClasses === null ? '' : ` It has no meaning for a regression: ${m.needsClasses}.`;
  return [
    `**\`${m.name}\`**: ${m.title}. ${m.summary}${negatives}${regressions}`,
    `- Source: ${m.source}.`,
    `- Undefined when ${m.undefinedWhen}.`,
    `- Criticism: ${m.criticism} (${m.criticismSource})`,
  ].join('\n');
}

/** A table in Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(c => c.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
