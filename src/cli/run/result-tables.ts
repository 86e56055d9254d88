import { type Analysis, type CellResult, fixed, type ModelAnalysis, type RunData } from '../../reports/index.ts';
import { counted } from '../shared/counted.ts';
import { textTable } from '../shared/output.ts';

/** For each model, explainers × metrics: the mean over patients. An arrow says which way is better. */
export function resultTables({ models }: Analysis, { manifest, summary }: RunData): string {
  return models
    .map(model => [modelTable(model), ...groupTable(model.model.id, manifest, summary)].join('\n'))
    .join('\n\n');
}

/** Metrics that have one value for all maps of an explainer. */
function groupTable(model: string, manifest: RunData['manifest'], { groups }: RunData['summary']): string[] {
  const own = groups.filter(row => row.model === model);
  const metrics = manifest.metrics.filter(metric => own.some(row => row.metric === metric.id));
  if (metrics.length === 0) return [];
  const methods = manifest.methods.filter(method => own.some(row => row.method === method.id));
  const cell = (method: string, metric: string) => {
    const row = own.find(r => r.method === method && r.metric === metric);
    return row?.value === undefined ? (row?.status ?? '–') : fixed(row.value, 3);
  };
  return [
    '',
    'one value for all maps of an explainer',
    textTable([
      ['', ...metrics.map(headOf)],
      ...methods.map(({ id, role }) => [
        role === 'control' ? `${id} (control)` : id,
        ...metrics.map(metric => cell(id, metric.id)),
      ]),
    ]),
  ];
}

function headOf({ id, better }: { readonly id: string; readonly better: 'higher' | 'lower' }): string {
  return `${id} ${better === 'higher' ? '↑' : '↓'}`;
}

function modelTable({ model, primary, metrics: all, maps }: ModelAnalysis): string {
  const metrics = all.filter(({ metric }) => metric.scope !== 'group');
  const title = `${model.id}, ${primary.name}: ${counted(primary.samples.size, 'image')} of ${counted(primary.patients, 'patient')}`;
  if (metrics.length === 0) {
    const made = maps.map(cell => [cell.method, String(cell.ok.size)]);
    return `${title}\n${textTable([['', 'maps'], ...made])}`;
  }
  const head = ['', ...metrics.map(({ metric }) => headOf(metric))];
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
