import type { MetricSet } from '../core/contracts/index.ts';

/**
 * What a first comparison of explainers should ask: one metric or two for each question, with the reason. Descriptions
 * (complexity) and what misleads (the average-drop trio, deletion or insertion alone) are left out on purpose.
 */
export const recommended: MetricSet = {
  name: 'recommended',
  title: 'Recommended metrics',
  summary: 'One metric or two for each question that a first comparison of explainers should ask.',
  metrics: [
    {
      use: 'srg',
      options: { unit: 'patches' },
      reason:
        'Faithfulness of the order of all maps. The least relevant first minus the most relevant first cancels what any ' +
        'order would do to the score (Blücher et al. 2024); patches of 8 mm treat scattered pixels and blobs alike.',
    },
    {
      use: 'faithfulness-correlation',
      reason:
        'Faithfulness of the values of additive and regional maps. Correlation does not depend on the map’s unit, and ' +
        'a map that knows nothing has 0.',
    },
    {
      use: 'completeness',
      reason: 'Additive maps promise to sum to the score’s difference. Two passes show whether they do.',
    },
    {
      use: 'avg-sensitivity',
      reason:
        'Robustness against noise as in the scanner. The mean over the draws is stable; the maximum grows with their number. ' +
        'It costs ten explanations of each image.',
    },
    {
      use: 'mprt',
      options: { depths: 1 },
      reason:
        'Whether the map depends on what the model has learned. A map that stays when all weights are redrawn shows the ' +
        'image, not the model. It costs three explanations of each image; the steps in between cost more, and decide nothing.',
    },
    {
      use: 'relevance-mass',
      reason:
        'Where masks are known: how much of the map lies where a reader looks. It uses all of the map, not its peak alone.',
    },
    {
      use: 'pointing-game',
      reason: 'Where masks are known: whether the peak, which is what a reader sees first, lies on the lesion.',
    },
    {
      use: 'causal-contrast',
      reason:
        'Where interventions are known, as on the phantom: whether the map prefers what the model uses to what is as ' +
        'visible. The only one of these that knows the right answer.',
    },
  ],
};
