import { parse } from 'csv-parse/sync';
import { beforeAll, describe, expect, it } from 'vitest';
import { analyse } from '../../src/reports/analysis/analyse.ts';
import type { RunData } from '../../src/reports/summary/run-data.ts';
import { bibtexOf } from '../../src/reports/text/bibtex.ts';
import { type FixtureOptions, fixture } from './fixture.ts';
import { normalised, rendered } from './render.ts';

const CASES: Readonly<Record<string, FixtureOptions>> = {
  'one patient': { patients: 1, images: 3 },
  'no image at all': { images: 0 },
  'names that want to be markup': { hostile: true, images: 12, patients: 9 },
};

describe.each(Object.entries(CASES))('of %s', (_, options) => {
  let run: RunData;
  let files: Awaited<ReturnType<typeof rendered>>;
  beforeAll(async () => {
    run = await fixture(options);
    files = await rendered(run);
  });

  it('renderMarkdown has tables of one width and no markup of the run', () => {
    const text = files['summary.md'];
    expect(text.match(/NaN|\[object|(?<!\\)<script/g)).toBeNull();
    const widths = text
      .split(/\n\n+/)
      .filter(block => block.startsWith('|'))
      .map(block => new Set(block.split('\n').map(line => line.match(/(?<!\\)\|/g)?.length)).size);
    expect(widths.length).toBeGreaterThan(1);
    expect(widths.every(n => n === 1)).toBe(true);
  });

  it('summary.csv has a line for each model, metric and method', () => {
    const lines = parse(files['summary.csv'], { columns: true }) as Record<string, string>[];
    const { models, metrics, methods } = run.manifest;
    const analysis = analyse(run);
    const { name, samples } = analysis.models[0]!.primary;
    const primary = lines.filter(line => line.stratum === name);
    expect(primary).toHaveLength(models.length * metrics.length * methods.length);
    for (const line of primary) {
      for (const name of ['patients', 'images', 'mean', 'sd', 'low', 'high', 'undefined', 'skipped', 'failed']) {
        expect(line[name] === '' || Number.isFinite(Number(line[name]))).toBe(true);
      }
      const rows = Number(line.images) + Number(line.undefined) + Number(line.skipped) + Number(line.failed);
      expect(rows).toBe(samples.size);
    }
  });
});

describe('of a usual run', () => {
  it('the Markdown keeps its look and the table has the numbers of the analysis in full', async () => {
    const run = await fixture({ images: 48, patients: 24 });
    const files = await rendered(run);
    await expect(normalised(files['summary.md'])).toMatchFileSnapshot('snapshots/summary.md.txt');
    const lines = parse(files['summary.csv'], { columns: true }) as Record<string, string>[];
    const first = analyse(run).models[0]!.metrics[0]!.methods[0]!;
    const line = lines.find(l => l.metric === 'deletion' && l.method === 'grad-cam')!;
    expect(Number(line.mean)).toBe(first.summary!.mean);
    expect(Number(line.low)).toBe(first.summary!.low);
    expect(Number(line.shuffled_difference)).toBe(first.shuffled!.mean);
  });
});

describe('sections', () => {
  it('stand in the page and in the summary under the same titles, in the same order', async () => {
    const files = await rendered(await fixture({ budgets: [20, 50], groups: true }));
    const titles = [...files['index.html'].matchAll(/<section id="[^"]+"><h2>([^<]+)</g)].map(([, title]) => title);
    const inSummary = [...files['summary.md'].matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(titles.length).toBeGreaterThan(6);
    expect(inSummary).toEqual(titles.filter(title => title !== 'Gallery'));
  });

  it('show metrics over groups of maps, with their chance and why one has no value', async () => {
    const files = await rendered(await fixture({ groups: true, images: 12, patients: 12 }));
    expect(files['summary.md']).toMatch(
      /### Consistency ↑\n[\s\S]*\| grad-cam \| 0\.550 \| 0\.500 \| 12\.000 \| 12 \| none \|/,
    );
    expect(files['summary.md']).toMatch(
      /\| shuffled:grad-cam \(control\) \| – .*undefined: only one class is predicted/,
    );
    const page = files['index.html'].replace(/<[^>]+>/g, ' ').replace(/\s+/g, ' ');
    expect(page).toMatch(/Consistency: one value for all maps of an explainer.* 0\.550 0\.500 12\.000 12 none/);
    const lines = parse(files['summary.csv'], { columns: true }) as Record<string, string>[];
    expect(lines.find(l => l.metric === 'consistency' && l.method === 'lime')).toMatchObject({
      mean: '0.65',
      images: '12',
    });
  });
});

describe('what a paper needs', () => {
  it('is a checklist without empty answers, and BibTeX of every source once', async () => {
    const run = await fixture({ images: 40, patients: 20 });
    const files: Record<string, string> = await rendered(run);
    const rows = files['reporting.md']!.split('\n').filter(line => /^\| \d+ \|/.test(line));
    expect(rows.length).toBeGreaterThan(25);
    expect(rows.filter(row => /\|\s*\|$/.test(row))).toEqual([]);
    expect(rows.filter(row => row.includes('For the author')).length).toBeGreaterThan(8);
    const bib = files['methods.bib']!;
    const keys = [...bib.matchAll(/^@\w+\{([^,]+),/gm)].map(([, key]) => key);
    expect(new Set(keys).size).toBe(keys.length);
    expect(bib).toContain('doi = {10.1109/ICCV.2017.74}');
    expect(bib).toContain('@book{westfall1993');
    expect(files['summary.md']).toContain(
      '**Statistics.** The primary analysis was of all images whose reference was positive',
    );
  });

  it('reads citations in the forms that they have', () => {
    const bib = bibtexOf([
      { title: 'RISE', cite: 'Petsiuk, Das & Saenko, RISE: randomized input sampling, BMVC 2018, arXiv:1806.07421' },
      { title: 'Grad-CAM', cite: 'Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74' },
      {
        title: 'Guided Grad-CAM',
        cite: 'Selvaraju et al. 2017, doi:10.1109/ICCV.2017.74; Lundberg and Lee 2017, arXiv:1705.07874',
      },
      { title: 'Ours', cite: 'This project' },
    ]);
    expect(bib.match(/^@/gm)).toHaveLength(3);
    expect(bib).toMatch(
      /@misc\{petsiuk2018,\n {2}author = \{Petsiuk and Das and Saenko\},\n {2}title = \{\{RISE: randomized input sampling\}\},/,
    );
    expect(bib).toMatch(/author = \{Selvaraju and others\},\n {2}title = \{\{Grad-CAM\}\},/);
    expect(bib).toMatch(/@misc\{lundberg2017,\n {2}author = \{Lundberg and Lee\}/);
  });
});

describe('tables.tex', () => {
  it('has a table for each metric with values, with nothing that LaTeX would read', async () => {
    const run = await fixture({ hostile: true, images: 40, patients: 20 });
    const files: Record<string, string> = await rendered(run);
    const text = files['tables.tex']!;
    expect(text.match(/\\begin\{table\}/g)).toHaveLength(5);
    expect(text.match(/\\toprule|\\bottomrule/g)).toHaveLength(10);
    const widths = text
      .split('\n')
      .filter(line => line.endsWith('\\\\'))
      .map(line => line.match(/(?<!\\)&/g)?.length);
    expect(new Set(widths)).toEqual(new Set([5]));
    // Outside commands of our own, what has a meaning is escaped.
    expect(text.replace(/\$-\$/g, '').match(/(?<!\\)[#$_]/g)).toBeNull();
  });
});
