import { parse } from 'csv-parse/sync';
import { expect, it } from 'vitest';
import { analyse } from '../../src/reports/analysis/analyse.ts';
import { collect } from '../../src/reports/summary/collect.ts';
import type { RunData } from '../../src/reports/summary/run-data.ts';
import { classifierTable } from '../../src/reports/tables/classifier-table.ts';
import { tableCsv } from '../../src/reports/tables/report-table.ts';
import type { Row } from '../../src/results/rows.ts';
import { fixture, fixtureRows } from './fixture.ts';
import { rendered } from './render.ts';

/** 24 patients of two slices each; half of them are scanned with the kernel 'sharp', on which the network guesses wrong. */
async function run(change: (row: Row, i: number) => Row): Promise<RunData> {
  const { manifest, rows } = fixtureRows({ images: 48, patients: 24, timing: false });
  const summary = await collect(
    manifest,
    rows.map((row, i) => (row.kind === 'sample' ? change(row, i) : row)),
  );
  return { ...(await fixture({ images: 48, patients: 24, timing: false })), manifest, summary };
}

const sureOf = (label: string, right: boolean) => {
  const p = (label === 'COVID') === right ? 0.9 : 0.1;
  return { predicted: p > 0.5 ? 'COVID' : 'NonCOVID', probabilities: [1 - p, p] };
};

it('is measured by patient and by subgroup, and the tables say so', async () => {
  const data = await run(row => {
    if (row.kind !== 'sample') return row;
    const label = row.index % 2 === 0 ? 'NonCOVID' : 'COVID';
    const kernel = row.index % 24 < 12 ? 'soft' : 'sharp';
    return { ...row, label, groups: { kernel }, ...sureOf(label, kernel === 'soft') };
  });
  const { classes } = data.manifest.models[0]!;
  expect(classes).toEqual(['NonCOVID', 'COVID']);
  const { classifier } = analyse(data).models[0]!;
  expect(classifier!.byImage).toMatchObject({ images: 48, patients: 24, accuracy: { value: 0.5 } });
  expect(classifier!.byExam).toMatchObject({ unit: 'patient', mixed: 0, performance: { images: 24 } });
  const auc = Object.fromEntries(classifier!.subgroups.map(s => [s.value, s.performance.auc.value]));
  expect(auc).toEqual({ soft: 1, sharp: 0 });
  const lines = parse(tableCsv(classifierTable(analyse(data)), data.manifest), { columns: true }) as Record<
    string,
    string
  >[];
  const line = lines.find(l => l['value'] === 'sharp' && l['measure'] === 'sensitivity')!;
  expect(line).toMatchObject({ unit: 'image', subgroup: 'kernel', images: '24', patients: '12', estimate: '0' });
  expect(Number(line['high'])).toBeGreaterThan(0.1);
  const files = await rendered(data);
  expect(files['index.html']).toContain('By exam and by subgroup');
  expect(files['summary.md']).toMatch(/kernel: sharp \| 24 \| 12 \| 0\.00/);
});

it('pools by exam where the data names exams, and leaves out those of several labels', async () => {
  const data = await run(row => {
    if (row.kind !== 'sample') return row;
    const label = row.index === 24 ? 'COVID' : row.index % 2 === 0 ? 'NonCOVID' : 'COVID';
    return { ...row, label, exam: 'first', ...sureOf(label, true) };
  });
  const { byExam } = analyse(data).models[0]!.classifier!;
  // Exams of two patients have one name and stay two; the one of patient 0 has both labels.
  expect(byExam).toMatchObject({ unit: 'exam', mixed: 1, performance: { images: 23, accuracy: { value: 1 } } });
});

it('says nothing of exams where every image is one', async () => {
  const data = await run(row => (row.kind === 'sample' ? { ...row, patient: `p${row.index}` } : row));
  expect(analyse(data).models[0]!.classifier).toMatchObject({ subgroups: [] });
  expect(analyse(data).models[0]!.classifier).not.toHaveProperty('byExam');
});

it('pools no slices of a model whose findings do not exclude each other', async () => {
  const data = await run(row => row);
  expect(analyse(data).models[0]!.classifier!.byExam).toBeDefined();
  const models = data.manifest.models.map(model => ({ ...model, task: 'multi-label' }));
  const { classifier } = analyse({ ...data, manifest: { ...data.manifest, models } }).models[0]!;
  expect(classifier).not.toHaveProperty('byExam');
});
