import { describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import type { PlannedExplainer, PlannedMetric } from '../../src/config/plan.ts';
import { repetitionsOf } from '../../src/config/repetitions.ts';

const registry = builtinRegistry();

function metric(use: string, options: object = {}, baseline?: string): PlannedMetric {
  const found = registry.metrics.get(use)!;
  const own = baseline ?? found.baseline;
  return { id: use, metric: found, options: found.options.parse(options), ...(own ? { baseline: own } : {}) };
}
const explainer = (use: string) =>
  ({ id: use, explainer: registry.explainers.get(use)!, options: {} }) as PlannedExplainer;
const repeated = (metrics: readonly PlannedMetric[], explainers = ['lime'], suite: object = {}) =>
  repetitionsOf({ audit: 'full', ...suite } as never, { metrics, explainers: explainers.map(explainer) }, registry);

describe('a full audit repeats metrics', () => {
  it('with one thing changed at a time', () => {
    const found = repeated([metric('srg', { steps: 31 })]);
    expect(found.map(({ id, of, change }) => [id, of, change])).toEqual([
      ['srg~ties', 'srg', 'ties'],
      ['srg~seed', 'srg', 'seed'],
      ['srg~baseline', 'srg', 'baseline'],
      ['srg~steps', 'srg', 'steps'],
    ]);
    const [ties, , baseline, steps] = found;
    expect(ties).toMatchObject({ baseline: 'air', options: { steps: 31 } });
    expect(baseline).toMatchObject({ baseline: 'blur', options: { steps: 31 } });
    expect(steps).toMatchObject({ baseline: 'air', options: { steps: 16 } });
    expect(repeated([metric('srg', {}, 'blur')])[2]).toMatchObject({ baseline: 'window-mean' });
  });

  it('where there is something to change', () => {
    const changes = (...given: Parameters<typeof repeated>) => repeated(...given).map(r => r.change);
    expect(changes([metric('pointing-game')])).toEqual(['seed']);
    expect(changes([metric('pointing-game')], ['saliency', 'occlusion'])).toEqual([]);
    // The mean of the image fills what IROF removes, whatever the baseline.
    expect(changes([metric('irof')], ['saliency'])).toEqual(['ties', 'steps']);
    expect(changes([metric('irof', { fill: 'baseline' })], ['saliency'])).toEqual(['ties', 'baseline', 'steps']);
    expect(changes([metric('deletion', { pixelsPerStep: 100 })], ['saliency'])).toEqual(['ties', 'baseline']);
    expect(changes([metric('srg')], ['saliency'], { baselines: 'cross' })).toEqual(['ties', 'steps']);
    expect(changes([metric('max-sensitivity'), metric('average-drop'), metric('consistency')])).toEqual([]);
    expect(changes([metric('srg')], ['lime'], { audit: 'short' })).toEqual([]);
  });
});
