import { type Analysis, type CellResult, fixed, type ModelAnalysis } from '../../reports/index.ts';
import { textTable } from '../shared/output.ts';

/** For each model, methods × metrics: the mean over patients. An arrow says which way is better. */
export function resultTables({ models }: Analysis): string {
  return models.map(modelTable).join('\n\n');
}

function modelTable({ model, answered, patients, metrics, maps }: ModelAnalysis): string {
  const title = `${model.id}, ${answered} images of ${patients} patients`;
  if (metrics.length === 0) {
    const made = maps.map(cell => [cell.method, String(cell.ok.size)]);
    return `${title}\n${textTable([['', 'maps'], ...made])}`;
  }
  const head = ['', ...metrics.map(({ metric }) => `${metric.id} ${metric.better === 'higher' ? '↑' : '↓'}`)];
  const line = (name: string, pick: (m: (typeof metrics)[number]) => CellResult | undefined) => [
    name,
    ...metrics.map(m => cellText(pick(m))),
  ];
  const methods = metrics[0]!.methods.map((r, i) => line(r.method.id, m => m.methods[i]));
  const controls = metrics[0]!.controls.map((r, i) => line(`${r.method.id} (control)`, m => m.controls[i]));
  return `${title}; means over patients\n${textTable([head, ...methods, ...controls])}`;
}

function cellText(cell: CellResult | undefined): string {
  const mean = cell?.summary?.mean;
  if (mean !== undefined) return Math.abs(mean) < 1000 ? fixed(mean, 3) : mean.toPrecision(4);
  return cell?.others[0]?.status ?? '–';
}
