import type { Manifest } from '../../results/rows.ts';
import { fixed, plural } from './format.ts';

/** '2026-01-05 10:00:00 to 10:21:40 UTC (21 min 40 s)'. */
export function whenLine({ startedAt, endedAt }: Manifest): string {
  const from = Date.parse(startedAt);
  if (endedAt === undefined || !Number.isFinite(from)) return `started ${clock(startedAt)}, no end recorded`;
  const seconds = Math.round((Date.parse(endedAt) - from) / 1000);
  return `${clock(startedAt)} to ${clock(endedAt)}${Number.isFinite(seconds) ? ` (${duration(seconds)})` : ''}`;
}

export function hardwareLine({ hardware: { cpu, cores, memoryGb, os } }: Manifest): string {
  return `${cpu}, ${plural(cores, 'core')}, ${fixed(memoryGb, Number.isInteger(memoryGb) ? 0 : 1)} GB, ${os}`;
}

export function dataLine({ dataset: { name, count, labels, findings = [] } }: Manifest): string {
  const found = findings.length > 0 ? `, findings ${findings.join(', ')}` : '';
  const said = labels.length > 0 ? `, labels ${labels.join(', ')}` : '';
  return `${name}: ${plural(count, 'image')}${said + found || ', no labels'}`;
}

function clock(iso: string): string {
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/.exec(iso);
  return match ? `${match[1]} ${match[2]} UTC` : iso;
}

function duration(seconds: number): string {
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60), seconds % 60];
  return [h > 0 ? `${h} h` : '', h > 0 || m > 0 ? `${m} min` : '', `${s} s`].filter(Boolean).join(' ');
}
