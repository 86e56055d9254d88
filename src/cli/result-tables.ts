import type { Run } from '../results/run.ts';
import { summaryTable } from '../results/summary.ts';
import { textTable } from './output.ts';

/** For each model, methods × metrics: the mean over patients. An arrow says which way is better. */
export async function resultTables(run: Run): Promise<string> {
  const { manifest } = run;
  const { header, lines } = await summaryTable(manifest, run.rows());
  const at = (name: string) => header.indexOf(name);
  const value = new Map(
    lines.map(line => [JSON.stringify([line[at('model')], line[at('method')], line[at('metric')]]), line]),
  );
  const cell = (model: string, method: string, metric: string): string => {
    const line = value.get(JSON.stringify([model, method, metric]));
    const mean = line?.[at('mean')];
    if (typeof mean === 'number') return Math.abs(mean) < 1000 ? mean.toFixed(3) : mean.toPrecision(4);
    return (['failed', 'skipped', 'undefined'] as const).find(status => Number(line?.[at(status)] ?? 0) > 0) ?? '–';
  };
  const sections = manifest.models.map(({ id: model }) => {
    const images = Math.max(0, ...lines.filter(l => l[at('model')] === model).map(l => Number(l[at('images')])));
    const rows = manifest.methods.map(({ id, role }) => [
      role === 'control' ? `${id} (control)` : id,
      ...manifest.metrics.map(metric => cell(model, id, metric.id)),
    ]);
    const head = ['', ...manifest.metrics.map(m => `${m.id} ${m.better === 'higher' ? '↑' : '↓'}`)];
    return `${model}, ${images} images\n${textTable([head, ...rows])}`;
  });
  return sections.join('\n\n');
}
