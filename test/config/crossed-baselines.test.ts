import { expect, it } from 'vitest';
import { builtinRegistry } from '../../src/builtin.ts';
import { withCrossedBaselines } from '../../src/config/crossed-baselines.ts';
import { type Suite, suiteSchema } from '../../src/config/schema.ts';
import type { Dataset, ModelCard } from '../../src/core/contracts/index.ts';

const registry = builtinRegistry();
const data = (variants: string[]) =>
  ({
    async *samples() {
      yield { variants };
    },
  }) as unknown as Dataset;
const card = (unit: string) => ({ intensity: { unit } }) as unknown as ModelCard;

function cross(given: object, unit = 'HU', variants: string[] = []): Promise<Suite> {
  const suite = suiteSchema.parse({
    models: ['m'],
    data: { use: 'phantom' },
    explainers: ['grad-cam', 'integrated-gradients'],
    metrics: ['deletion', 'pointing-game'],
    ...given,
  });
  return withCrossedBaselines(suite, {
    registry,
    cards: [card(unit)],
    dataset: data(variants),
    place: () => 'the suite',
  });
}
const ids = (parts: Suite['explainers']) => parts.map(p => (typeof p === 'string' ? p : `${p.id} ${p.baseline}`));

it('repeats explainers for images, and metrics for fillers and the truth as well', async () => {
  const suite = await cross({ baselines: 'cross' }, 'HU', ['no-lesion']);
  expect(ids(suite.explainers)).toEqual([
    'grad-cam',
    ...['air', 'tissue-matched', 'blur', 'contralateral'].map(b => `integrated-gradients(${b}) ${b}`),
  ]);
  expect(ids(suite.metrics as Suite['explainers'])).toEqual([
    ...['counterfactual', 'air', 'tissue-matched', 'blur', 'contralateral', 'inpaint'].map(b => `deletion(${b}) ${b}`),
    'pointing-game',
  ]);
  const grey = await cross({ baselines: 'cross' }, 'grey');
  expect(ids(grey.metrics as Suite['explainers'])[0]).toBe('deletion(window-mean) window-mean');
});

it('takes the headline from baselines that no explainer starts from', async () => {
  const { analysis } = await cross({
    baselines: ['air', 'blur', 'inpaint'],
    analysis: { primary: 'deletion', smallest: { deletion: 0.1 } },
  });
  expect(analysis.primary).toEqual(['deletion(inpaint)']);
  expect(analysis.smallest).toEqual({ 'deletion(air)': 0.1, 'deletion(blur)': 0.1, 'deletion(inpaint)': 0.1 });
  await expect(cross({ baselines: ['air', 'blur'], analysis: { primary: 'deletion' } })).rejects.toThrow(
    /none is fair to all/,
  );
});

it('leaves parts that name their baseline, and refuses what it can’t cross', async () => {
  const named = { use: 'deletion', baseline: 'noise' };
  const suite = await cross({ baselines: ['air', 'inpaint'], metrics: [named, 'insertion'] });
  expect((suite.metrics as Suite['explainers'])[0]).toEqual(named);
  await expect(cross({ baselines: ['air', 'inpaint'], metrics: ['pointing-game'] })).rejects.toThrow(/no metric/);
  await expect(cross({ baselines: ['air', 'fog'] })).rejects.toMatchObject({ code: 'SUITE' });
  const without = await cross({});
  expect(without.metrics).toEqual(['deletion', 'pointing-game']);
});
