import { findingsText } from '../../core/findings.ts';
import { DOUBTS } from '../../core/image/doubts.ts';
import { type DataInspection, type ImageCount, inspectData } from '../../data/inspect/inspect-data.ts';
import { counted } from '../shared/counted.ts';
import { interruptSignal } from '../shared/interrupts.ts';
import { ExitCode, note, print } from '../shared/output.ts';
import { type DataArguments, openData } from './open-data.ts';

export interface InspectPathArguments extends DataArguments {
  readonly pixels: boolean;
  readonly json: boolean;
}

const PLAIN_MS = 10_000;

/** `ct-xai data inspect`. */
export async function inspectPath(argv: InspectPathArguments): Promise<number> {
  const interrupts = interruptSignal();
  try {
    const { dataset, use } = await openData(argv);
    let last = performance.now();
    const found = await inspectData(dataset, {
      pixels: argv.pixels,
      signal: interrupts.signal,
      onProgress(done, total) {
        if (performance.now() - last < PLAIN_MS) return;
        last = performance.now();
        note(`${done} of ${total} images read`);
      },
    });
    print(argv.json ? JSON.stringify({ reader: use, ...found }, null, 2) : describe(use, found));
    return found.pixels.unreadable.length > 0 ? ExitCode.rowsFailed : ExitCode.ok;
  } finally {
    interrupts.release();
  }
}

const SHOWN = 5;

function some(ids: readonly string[]): string {
  const more = ids.length > SHOWN ? ` and ${ids.length - SHOWN} more` : '';
  return ids.slice(0, SHOWN).join(', ') + more;
}

const count = ({ images, patients }: ImageCount) => `${counted(images, 'image')} of ${counted(patients, 'patient')}`;
const each = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts)
    .map(([name, n]) => `${name || 'none'} (${n})`)
    .join(', ');

const millimetres = (spacings: Readonly<Record<string, number>>) =>
  Object.fromEntries(
    Object.entries(spacings).map(([spacing, n]) => [spacing === 'unknown' ? spacing : `${spacing} mm`, n]),
  );

function describe(use: string, d: DataInspection): string {
  const { pixels: p, masks } = d;
  const line = (name: string, text: string) => `${name.padEnd(12)}${text}`;
  const when = (test: boolean, name: string, text: () => string) => (test ? [line(name, text())] : []);
  const ranges = Object.entries(p.ranges).map(([unit, [low, high]]) => `${low} … ${high} ${unit}`);
  const splits = Object.entries(d.splits).map(([name, s]) => line(`  ${name}`, `${count(s)}: ${each(s.labels)}`));
  return [
    line('data', `${d.name}, read as ${use}: ${count(d)}`),
    ...(d.findings
      ? [line('findings', findingsText(d.findings))]
      : Object.entries(d.labels).map(([name, n]) => line('label', `${name || 'none'}: ${count(n)}`))),
    ...(splits.length > 0 ? ['splits', ...splits] : []),
    ...when(d.crossing.length > 0, 'CROSSING', () => {
      const who = d.crossing.map(c => `${c.patient} (${c.splits.join(', ')})`);
      return `${counted(who.length, 'patient')} in more than one split, so that figures are too good: ${some(who)}`;
    }),
    ...when(
      d.severalLabels > 0,
      'labels',
      () => `${counted(d.severalLabels, 'patient')} with images of more than one label`,
    ),
    line('masks', `${masks.found} found, ${masks.missing} missing`),
    ...Object.entries(d.groups).map(([column, values]) => line('subgroup', `${column}: ${each(values)}`)),
    '',
    line(
      'pixels',
      `of ${counted(p.read, 'image')}${p.nearDuplicates ? '' : ', spread over all; --pixels reads every one'}`,
    ),
    line('unit', each(p.units)),
    line('range', ranges.join(', ')),
    line('size', each(p.sizes)),
    line('spacing', each(millimetres(p.spacings))),
    ...when(p.emptyMasks > 0, 'masks', () => `${counted(p.emptyMasks, 'mask')} without a pixel inside`),
    ...(['impossible', 'airless'] as const).flatMap(doubt =>
      when(
        p[doubt].length > 0,
        'HU',
        () => `${p[doubt].length} ${DOUBTS[doubt].what}: ${some(p[doubt])}. ${DOUBTS[doubt].hint}`,
      ),
    ),
    ...when(p.constant.length > 0, 'constant', () => `of one value: ${some(p.constant)}`),
    ...when(p.burntIn.length > 0, 'marks', () => `letters or marks may be burnt in: ${some(p.burntIn)}`),
    ...when(p.duplicates.length > 0, 'duplicates', () => {
      return `${p.duplicates.length} groups of images have the same pixels: ${some(p.duplicates.map(g => g.join(' = ')))}`;
    }),
    ...when((p.nearDuplicates?.length ?? 0) > 0, 'near', () => {
      const pairs = p.nearDuplicates!.map(pair => pair.join(' ~ '));
      return `${pairs.length} pairs of different patients look the same: ${some(pairs)}`;
    }),
    ...p.unreadable.slice(0, 20).map(u => line('UNREADABLE', `${u.id}: ${u.reason}`)),
    ...when(p.unreadable.length > 20, 'UNREADABLE', () => `and ${p.unreadable.length - 20} more`),
    ...(d.leftOut.length + d.remarks.length > 0 ? [''] : []),
    ...d.leftOut.slice(0, 20).map(f => line('left out', `${f.path}: ${f.reason}`)),
    ...when(d.leftOut.length > 20, 'left out', () => `and ${d.leftOut.length - 20} more; --json lists all`),
    // What was left out stands above, file by file.
    ...d.remarks.filter(r => !r.startsWith('left out: ')).map(r => line('remark', r)),
  ].join('\n');
}
