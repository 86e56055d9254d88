import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { linearModel } from '../../src/conformance/models.ts';
import type { Engine } from '../../src/core/contracts/index.ts';
import { loadRun, type RunData, renderReports } from '../../src/reports/index.ts';
import { readRun } from '../../src/results/read-run.ts';
import { temporaryFolder } from '../results/fixture.ts';
import { analyticEngine, MODEL, registryWith, run } from './world.ts';

// The whole way, from a suite to the text of its report: of a model that is known to look at the burnt-in letter alone, and
// of one that is known to look at all but that corner, an audit must not say that metrics of the lesion's mask can be
// believed of the first.
const SIDE = 64;
/** The corner that the letter lies in, wherever it is moved to. */
const CORNER = 12;
const inCorner = (p: number) => p % SIDE < CORNER && Math.floor(p / SIDE) < CORNER;
const looking = (at: (p: number) => boolean, weight: number) => {
  const weights = Float64Array.from({ length: SIDE * SIDE }, (_, p) => (at(p) ? weight : 0));
  return linearModel({ height: SIDE, width: SIDE, weights: [weights.map(() => 0), weights] });
};
const engine: Engine = {
  ...analyticEngine(),
  open: async ({ id }) => (id === 'letter' ? looking(inCorner, 0.1) : looking(p => !inCorner(p), 0.02)),
};
const card = (id: string) => ({
  ...MODEL,
  ...{ id, file: `${id}.onnx`, classes: ['non-covid', 'covid'], input: { size: SIDE, channels: 1 } },
  intensity: { unit: 'HU', window: [-1150, 350], air: -1000 },
  resize: { antialias: true, fit: 'stretch' },
});
const OF_LESIONS = ['relevance-mass', 'pointing-game', 'rank-accuracy', 'auc', 'peak-distance'];
const OF_THE_MODEL = [
  { use: 'srg', options: { unit: 'patches', steps: 12, score: 'margin', tieFields: 1 } },
  { use: 'faithfulness-correlation', options: { subsets: 60 } },
];

test('an audit by a model that ignores the lesion', { timeout: 240_000 }, async () => {
  const dir = await temporaryFolder();
  for (const id of ['letter', 'rest']) await writeFile(join(dir, `${id}.onnx`), id);
  await run(dir, registryWith(engine), {
    suite: {
      models: [card('letter'), card('rest')],
      data: { use: 'phantom', seed: 'audit', patients: 30, slices: 1, size: SIDE, distractors: 1, letter: 1 },
      explain: 'positives',
      target: 'positive',
      analysis: { primary: 'causal-mass', audit: 0.8 },
      explainers: ['saliency'],
      controls: ['oracle', 'oracle-mixed', 'oracle-other', 'random', 'edges', 'hu-contrast'],
      audit: 'short',
      metrics: ['causal-mass', ...OF_THE_MODEL, ...OF_LESIONS],
    },
  });
  const found = await readRun(join(dir, 'out'));
  const text = await summaryOf(await loadRun(found, 0));
  await found.close();
  const audit = text.slice(text.indexOf('Audit of the metrics'));
  const [ofLetter, ofRest] = ['### letter', '### rest'].map(title => rowsAfter(audit, title)) as [Told, Told];

  // The truth is on the letter, and the lesion has none of it.
  expect(ofLetter['causal-mass']![1]).toBe('supported');
  for (const metric of OF_LESIONS) expect(ofLetter[metric]![1], metric).not.toBe('supported');
  expect(ofLetter['relevance-mass']![1]).toBe('contradicted');
  expect(ofLetter['relevance-mass']![4]).toContain('is better than that of the truth by intervention');
  expect(ofLetter['peak-distance']![1]).toBe('contradicted');
  // Maps that are not additive have no value by this one, and controls have: else it could not be audited.
  expect(ofLetter['faithfulness-correlation']![1]).toBe('supported');
  expect(text).toContain('letter: the model ignores the lesions');

  // The other one does look at lesions, and at everything else.
  expect(ofRest['relevance-mass']![1]).toBe('supported');
  expect(ofRest['srg']![1]).toBe('not shown');
  expect(ofRest['srg']![4]).toContain('the model relies on the background as well, so that the truth is incomplete');
  expect(text).not.toContain('rest: the model ignores the lesions');
});

/** Cells of the rows of a Markdown table, by the first. */
type Told = Readonly<Record<string, readonly string[]>>;

function rowsAfter(markdown: string, title: string): Told {
  const lines = markdown.slice(markdown.indexOf(title)).split('\n');
  const first = lines.findIndex(line => line.startsWith('|'));
  const last = lines.findIndex((line, i) => i > first && !line.startsWith('|'));
  const cells = lines.slice(first, last).map(line => line.split('|').map(cell => cell.trim()));
  return Object.fromEntries(cells.map(row => [row[1]!, row.slice(1)]));
}

async function summaryOf(data: RunData): Promise<string> {
  for await (const { file, bytes } of renderReports(data, undefined, { pictures: false })) {
    if (file === 'summary.md') return String(bytes);
  }
  throw new Error('there is no summary.md');
}
