import type { TimingRow } from '../../results/rows.ts';
import type { ModelAnalysis } from '../analysis/analysis.ts';
import { compact, fixed, group, listed, percent } from './format.ts';

/** Where a timing ran: 'onnx on cpu'. */
export function placeText({ engine, device }: TimingRow): string {
  return `${engine} on ${device}`;
}

/** '12.1 to 13.0': the middle half of the repeats; a dash where they are too few. */
export function middleHalf({ wallMs }: TimingRow): string {
  return wallMs?.q1 === undefined || wallMs.q3 === undefined ? '–' : `${compact(wallMs.q1)} to ${compact(wallMs.q3)}`;
}

export function elsewhereText({ elsewhere }: TimingRow): string {
  const found = Object.entries(elsewhere ?? {}).sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  return found.map(([type, n]) => `${group(n)} ${type}`).join(', ');
}

/** What must be known of timings to read them: a line per method or reason. Names the place where there are several. */
export function timingRemarks(rows: readonly TimingRow[]): string[] {
  const several = new Set(rows.map(placeText)).size > 1;
  const name = (row: TimingRow) => (several ? `${row.method} (${placeText(row)})` : row.method);
  // The load of others is the same for all methods of a phase, and is said once.
  const own = (row: TimingRow) => (row.unstable ?? []).filter(reason => !reason.startsWith('other processes'));
  return [
    ...remarkLines(rows, name),
    ...rows.flatMap(row => own(row).map(reason => `${name(row)} is unstable: ${reason}.`)),
    ...machineLines(rows),
    ...grouped(rows, name, row => elsewhereText(row)).map(
      ([what, names]) => `Not on the device asked for, in ${listed(names)}: ${what}.`,
    ),
    ...grouped(rows, name, row => row.absent?.['device_ms']).map(
      ([why, names]) => `Device time of ${listed(names)} was not measured: ${why}.`,
    ),
    ...grouped(rows, placeText, row => row.absent?.['energy_j']).map(
      ([why, places]) => `Energy was not measured${several ? ` (${listed([...new Set(places)])})` : ''}: ${why}.`,
    ),
  ];
}

/** One line for each remark: several methods may share one. */
function remarkLines(rows: readonly TimingRow[], name: (row: TimingRow) => string): string[] {
  const found = new Map<string, string[]>();
  for (const row of rows) {
    for (const remark of row.remarks ?? []) found.set(remark, [...(found.get(remark) ?? []), name(row)]);
  }
  return [...found].map(([remark, names]) => `${listed(names)}: ${remark}.`);
}

function grouped(
  rows: readonly TimingRow[],
  name: (row: TimingRow) => string,
  pick: (row: TimingRow) => string | undefined,
): [text: string, names: string[]][] {
  const found = new Map<string, string[]>();
  for (const row of rows) {
    const text = pick(row);
    if (text) found.set(text, [...(found.get(text) ?? []), name(row)]);
  }
  return [...found];
}

/** Load and clock of the machine: one line for each phase, as all methods of one share it. */
function machineLines(rows: readonly TimingRow[]): string[] {
  const several = new Set(rows.map(placeText)).size > 1;
  const lines = rows.flatMap(row => {
    if (!row.machine) return [];
    const { othersCores, cores, clockMhz } = row.machine;
    const crowded = row.unstable?.some(reason => reason.startsWith('other processes'));
    const load =
      othersCores === undefined
        ? ''
        : `other processes kept ${fixed(othersCores, 1)} of ${cores} cores busy${crowded ? ', so these timings are unstable' : ''}`;
    const clock = clockMhz ? `the clock was ${clockRange(clockMhz)} MHz` : '';
    const said = [load, clock].filter(Boolean).join('; ');
    return said ? [`Meanwhile${several ? ` (${placeText(row)})` : ''} ${said}.`] : [];
  });
  return [...new Set(lines)];
}

function clockRange([start, end]: readonly [number, number]): string {
  return Math.round(start) === Math.round(end) ? group(start) : `${group(start)}, then ${group(end)}`;
}

/** How the columns are to be read. */
export function timingNotes(rows: readonly TimingRow[]): string {
  const sources = [...new Set(rows.flatMap(row => row.deviceTimeSource ?? []))];
  const energy = [...new Set(rows.flatMap(row => row.energySource ?? []))];
  return [
    'Wall time runs from the prepared image to the finished map in memory, with the device idle before and after; each repeat explains a slightly changed image, so that nothing can be remembered.',
    sources.length > 0
      ? `Device time: by ${listed(sources)}${
          sources.some(s => s !== 'process CPU time')
            ? ', in calls apart from those timed, which reading the clock slows down (their wall time stands beside it); its sum is of all kernels, more than the time itself where streams overlap'
            : ''
        }.`
      : 'Device time is not shown: no device clock was read.',
    'CPU: user and system time of all threads. JavaScript: how long the main thread was active, by the clock, so that a busy machine makes it longer. Open: loading and compiling the model. First call: unwarmed, with compilation. Passes: as asked for, mean over the repeats. Peak memory: resident, of the whole process.',
    energy.length > 0 ? `Energy: by ${listed(energy)}.` : '',
    rows.some(row => row.wallMs?.p95 !== undefined)
      ? 'A quantile is blank where the repeats are too few for it.'
      : 'The 95th percentile is not shown: it takes at least 60 repeats.',
  ]
    .filter(Boolean)
    .join(' ');
}

/** How many passes metrics asked for, and how many of them were another's already; empty where nothing was shared. */
export function savedText({ scoring: { asked, saved } }: Pick<ModelAnalysis, 'scoring'>): string {
  const total = asked.forward + asked.backward;
  const spared = saved.forward + saved.backward;
  if (spared === 0) return '';
  return (
    `Metrics asked for ${group(total)} passes of the model. ${group(spared)} of these (${percent(spared / total)}) another metric ` +
    'of the same image had asked for as well; they were made once. In timings nothing is shared.'
  );
}
