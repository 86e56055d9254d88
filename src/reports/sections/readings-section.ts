import { ordinalAlpha } from '../../core/statistics/krippendorff.ts';
import { table } from '../page/html-table.ts';
import { html } from '../page/markup.ts';
import type { ReportContext, Section } from '../page/section.ts';
import { RATINGS } from '../reading/reading-set.ts';
import type { Rating } from '../reading/with-readings.ts';
import { fixed, plural } from '../text/format.ts';
import { markdownTable } from '../text/markdown.ts';

/** α below which Krippendorff (2004) advises against conclusions. */
const LEAST_ALPHA = 0.667;
const HEAD = ['Reader', 'Ratings', 'Mean', ...Array.from({ length: RATINGS }, (_, i) => `Rated ${i + 1}`)];
const NUMERIC = HEAD.map((_, i) => i).slice(1);

/** How far readers agreed; what they rated stands among the metrics of plausibility. */
export function readingsSection({ run: { readings = [] } }: ReportContext): Section | undefined {
  if (readings.length === 0) return undefined;
  const text = agreementText(readings);
  const rows = rowsOf(readings);
  return {
    id: 'readings',
    title: 'Readers',
    html: html`<p>${text}</p>${table(
      'Ratings of each reader',
      HEAD.map((title, i) => ({ title, numeric: i > 0 })),
      [{ rows }],
    )}`,
    markdown: [text, markdownTable(HEAD, rows, NUMERIC)],
  };
}

function agreementText(readings: readonly Rating[]): string {
  const readers = new Set(readings.map(r => r.reader));
  const items = new Map<string, number[]>();
  for (const r of readings) {
    const key = JSON.stringify([r.set, r.item]);
    items.set(key, [...(items.get(key) ?? []), r.rating]);
  }
  const rated = `${plural(readers.size, 'reader')} rated ${plural(items.size, 'map')}, blinded, controls among them, from 1 (shows nothing that speaks for the class) to ${RATINGS} (exactly that).`;
  if (readers.size < 2) return `${rated} How far readers agree takes two of them.`;
  const alpha = ordinalAlpha([...items.values()]);
  if (alpha === undefined)
    return `${rated} How far they agree cannot be said: too few maps were rated by two of them, or all alike.`;
  const low =
    alpha < LEAST_ALPHA ? ` That is below ${LEAST_ALPHA}, too little to conclude from (Krippendorff 2004).` : '';
  return `${rated} Their agreement is ${fixed(alpha, 2)} (Krippendorff’s α for ordinal ratings; 1: full agreement, 0: chance).${low}`;
}

function rowsOf(readings: readonly Rating[]): string[][] {
  const readers = [...new Set(readings.map(r => r.reader))].sort();
  return readers.map(reader => {
    const own = readings.filter(r => r.reader === reader).map(r => r.rating);
    return [
      reader,
      String(own.length),
      fixed(own.reduce((a, b) => a + b, 0) / own.length, 2),
      ...Array.from({ length: RATINGS }, (_, i) => String(own.filter(v => v === i + 1).length)),
    ];
  });
}
