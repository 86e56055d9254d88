import type { Analysis, GroupAnalysis, MetricAnalysis, ModelAnalysis } from '../analysis/analysis.ts';

/** What models use and where doctors look are never one table: a heading and a sense for each kind of metric. */
const CATEGORIES: Readonly<Record<string, readonly [title: string, sense: string]>> = {
  truth: [
    'Maps against the known truth',
    'Whether a map shows what is known, by intervention on the image, to change the score. Only made data can tell.',
  ],
  faithfulness: [
    'Faithfulness',
    'Whether a map shows what the model uses: the score is followed while pixels are changed in the map’s order.',
  ],
  localisation: [
    'Plausibility',
    'Whether a map lies where a reader drew. This is not faithfulness: a model may be right for other reasons.',
  ],
  robustness: ['Robustness', 'Whether a map stays the same under changes that should not matter.'],
  randomisation: ['Sanity', 'Whether a map depends on what the model has learnt.'],
  axiomatic: ['Axioms', 'Whether a map keeps what its kind promises.'],
  complexity: ['Complexity', 'How concentrated a map is. Descriptive: neither end is better in itself.'],
};

/** What metrics of a category ask, in a clause; empty for one of a plug-in. */
export function senseOf(category: string): string {
  const sense = CATEGORIES[category]?.[1] ?? '';
  return sense === '' ? '' : `what it asks: ${sense[0]!.toLowerCase()}${sense.slice(1).split(/[.:] /)[0]!}`;
}

export interface CategoryPart {
  readonly category: string;
  readonly title: string;
  readonly sense: string;
  readonly entries: readonly { readonly model: ModelAnalysis; readonly entry: MetricAnalysis }[];
  readonly groups: readonly { readonly model: ModelAnalysis; readonly entry: GroupAnalysis }[];
}

/** The run's metrics under their headings, truth first; categories of plugins last. */
export function categoryParts({ models }: Analysis): CategoryPart[] {
  const entries = models.flatMap(model => model.metrics.map(entry => ({ model, entry })));
  const groups = models.flatMap(model => model.groups.map(entry => ({ model, entry })));
  const found = new Set([...entries, ...groups].map(({ entry }) => entry.metric.category));
  const order = [...new Set([...Object.keys(CATEGORIES), ...found])].filter(category => found.has(category));
  return order.map(category => {
    const [title, sense] = CATEGORIES[category] ?? [category, ''];
    const own = ({ entry }: { readonly entry: Pick<MetricAnalysis, 'metric'> }) => entry.metric.category === category;
    return { category, title, sense, entries: entries.filter(own), groups: groups.filter(own) };
  });
}
