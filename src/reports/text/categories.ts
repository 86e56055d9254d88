import type { Analysis, MetricAnalysis, ModelAnalysis } from '../analysis/analysis.ts';

/** What models use and where doctors look are never one table: a heading and a sense for each kind of metric. */
const CATEGORIES: Readonly<Record<string, readonly [title: string, sense: string]>> = {
  faithfulness: [
    'Faithfulness',
    'Whether a map shows what the model uses: the score is followed while pixels are changed in the map’s order.',
  ],
  localisation: [
    'Localisation',
    'Whether a map lies where a reader drew. This is plausibility, not faithfulness: ' +
      'a model may be right for other reasons.',
  ],
  robustness: ['Robustness', 'Whether a map stays the same under changes that should not matter.'],
  randomisation: ['Randomisation', 'Whether a map depends on what the model has learnt.'],
  complexity: ['Complexity', 'How concentrated a map is. Descriptive: neither end is better in itself.'],
};

export interface CategoryPart {
  readonly title: string;
  readonly sense: string;
  readonly entries: readonly { readonly model: ModelAnalysis; readonly entry: MetricAnalysis }[];
}

/** The run's metrics under their headings, faithfulness first; categories of plugins last. */
export function categoryParts({ models }: Analysis): CategoryPart[] {
  const entries = models.flatMap(model => model.metrics.map(entry => ({ model, entry })));
  const found = new Set(entries.map(({ entry }) => entry.metric.category));
  const order = [...new Set([...Object.keys(CATEGORIES), ...found])].filter(category => found.has(category));
  return order.map(category => {
    const [title, sense] = CATEGORIES[category] ?? [category, ''];
    return { title, sense, entries: entries.filter(({ entry }) => entry.metric.category === category) };
  });
}
