import { expect, it } from 'vitest';
import { analyse } from '../../src/reports/analysis/analyse.ts';
import { verdictOf } from '../../src/reports/analysis/verdict.ts';
import { createNames } from '../../src/reports/page/part-names.ts';
import { trainingsSection } from '../../src/reports/sections/trainings-section.ts';
import { collect } from '../../src/reports/summary/collect.ts';
import { scopeText } from '../../src/reports/text/trainings-words.ts';
import { fixtureRows } from './fixture.ts';

/** Values of insertion by explainer, training and patient; all else of the made-up run as it is. */
async function runOf(group: string | undefined, levels: readonly Readonly<Record<string, number>>[]) {
  const ids = levels.map((_, i) => `seed-${i}`);
  const made = fixtureRows({ images: 48, patients: 48, timing: false, models: ids });
  const manifest = {
    ...made.manifest,
    models: made.manifest.models.map(model => ({ ...model, ...(group === undefined ? {} : { group }) })),
    analysis: { primary: ['insertion'], strata: [], least: 0.8 },
  };
  const places = new Map(made.rows.flatMap(row => (row.kind === 'sample' ? [[row.sample, row.index]] : [])));
  const rows = made.rows.map(row => {
    const level = row.kind === 'score' && row.metric === 'insertion' && levels[ids.indexOf(row.model)]![row.method];
    if (row.kind !== 'score' || typeof level !== 'number') return row;
    const { reason: _, ...rest } = row;
    const i = places.get(row.sample)!;
    const noise = 0.03 * Math.sin(i * 12.9898 + 7 * ids.indexOf(row.model) + row.method.length * 3.1);
    return { ...rest, status: 'ok' as const, value: level + noise };
  });
  const run = { manifest, summary: await collect(manifest, rows), gallery: [] };
  return { run, analysis: analyse(run) };
}

const controls = { random: 0.2, edges: 0.2, centre: 0.2 };
/** LIME is ahead of Grad-CAM in every training by .1; occlusion is ahead in some and behind in others. */
const levels = [0.3, -0.2, 0.25, -0.15, 0.05].map(swing => ({
  ...controls,
  lime: 0.6,
  'grad-cam': 0.5,
  'integrated-gradients': 0.4,
  occlusion: 0.55 + swing,
}));

it('trainings of one recipe are a level of their own: what differs between seeds is no finding', async () => {
  const { run, analysis } = await runOf('small-cnn', levels);
  const [entry] = analysis.trainings;
  const of = (id: string) => entry!.methods.find(m => m.method.id === id)!.level!;
  expect(entry).toMatchObject({ group: 'small-cnn', enough: true, models: run.manifest.models.map(m => m.id) });
  expect(of('lime').seeds).toHaveLength(5);
  expect(of('lime').mean).toBeCloseTo(0.6, 2);
  expect(of('lime').between).toBeLessThan(0.01);
  // The standard deviation of the five swings.
  expect(of('occlusion').between).toBeCloseTo(0.2236, 2);
  const pair = (a: string, b: string) =>
    entry!.pairs.find(p => [p.better, p.worse].sort().join() === [a, b].sort().join())!;
  expect(pair('lime', 'grad-cam')).toMatchObject({ better: 'lime', significant: true });
  expect(pair('occlusion', 'grad-cam').significant).toBe(false);
  const { sentences } = verdictOf(run.manifest, analysis);
  expect(sentences[0]).toBe(
    'Over 5\u00a0trainings of small-cnn, by Insertion, lime and occlusion are not separated for best.',
  );
  expect(sentences.join(' ')).toContain('trainings of small-cnn');
  const section = trainingsSection({ run, analysis, names: createNames(run.manifest) })!;
  expect(section.markdown.join('\n')).toMatch(/\| occlusion \| 0\.\d\d\d \| .* \| 0\.22\d \|/);
});

it('fewer than five trainings are described, and nothing is said of the recipe', async () => {
  const { run, analysis } = await runOf('small-cnn', levels.slice(0, 3));
  expect(analysis.trainings[0]).toMatchObject({ enough: false, pairs: [] });
  expect(verdictOf(run.manifest, analysis).sentences.join(' ')).not.toContain('small-cnn');
  const section = trainingsSection({ run, analysis, names: createNames(run.manifest) })!;
  expect(section.markdown.join('\n')).toContain('too few to say anything of small-cnn: it takes 5');
});

it('a model alone is “this model”', async () => {
  const { analysis } = await runOf(undefined, levels.slice(0, 1));
  expect(analysis.trainings).toEqual([]);
  expect(scopeText(analysis.trainings, analysis.models)).toMatch(
    /conclusions are about this model, not about its architecture/,
  );
});
