import type { Manifest, SampleRow } from '../../results/rows.ts';
import type { RunSummary } from './collect.ts';

/** An image to load for the gallery, with the methods whose maps to load. */
export interface GalleryPick {
  readonly model: string;
  readonly sample: string;
  readonly methods: readonly string[];
}

/**
 * Which images the gallery shows: for each model an equal number of each outcome (each class recognised, each class
 * missed) as far as there are some, patients shown once before any is shown twice, images with a mask first.
 * The same run gives the same choice.
 * @param count images per model
 */
export function galleryChoice(manifest: Manifest, summary: RunSummary, count: number): readonly GalleryPick[] {
  return manifest.models.flatMap(({ id, classes }) => {
    const rows = summary.samples.filter(s => s.model === id && s.status === 'ok');
    // Shuffled maps are other images' maps: they say nothing here.
    const methods = manifest.methods.filter(method => method.of === undefined).map(method => method.id);
    return choose(rows, classes, count).map(row => ({
      model: id,
      sample: row.sample,
      methods: methods.filter(method => hasMap(summary, id, method, row.sample)),
    }));
  });
}

function hasMap(summary: RunSummary, model: string, method: string, sample: string): boolean {
  return summary.maps.some(cell => cell.model === model && cell.method === method && cell.ok.has(sample));
}

/** Outcomes in the order in which the gallery shows them: hits by class, the last class first, then errors. */
function outcomeOf(row: SampleRow, classes: readonly string[]): number {
  const wrong = row.label !== undefined && row.label !== row.predicted;
  const at = classes.indexOf(row.label ?? row.predicted ?? '');
  return (wrong ? classes.length + 1 : 0) + (at < 0 ? classes.length : classes.length - 1 - at);
}

function choose(rows: readonly SampleRow[], classes: readonly string[], count: number): SampleRow[] {
  const groups = new Map<number, SampleRow[]>();
  for (const row of rows) {
    const outcome = outcomeOf(row, classes);
    const group = groups.get(outcome);
    if (group) group.push(row);
    else groups.set(outcome, [row]);
  }
  const shown = new Map<string, number>();
  const chosen: SampleRow[] = [];
  const queues = [...groups].sort(([a], [b]) => a - b).map(([outcome, group]) => ({ outcome, group }));
  while (chosen.length < count && queues.some(q => q.group.length > 0)) {
    for (const { group } of queues) {
      if (chosen.length >= count) break;
      const next = pick(group, shown);
      if (!next) continue;
      chosen.push(next);
      shown.set(next.patient, (shown.get(next.patient) ?? 0) + 1);
    }
  }
  return chosen.sort((a, b) => outcomeOf(a, classes) - outcomeOf(b, classes));
}

/** Takes the best row out of `group`: patient shown least, with a mask, first by id. */
function pick(group: SampleRow[], shown: ReadonlyMap<string, number>): SampleRow | undefined {
  let best = -1;
  let bestKey = Number.POSITIVE_INFINITY;
  group.forEach((row, i) => {
    const value = (shown.get(row.patient) ?? 0) * 2 + (row.hasMask ? 0 : 1);
    if (value < bestKey) {
      best = i;
      bestKey = value;
    }
  });
  return best < 0 ? undefined : group.splice(best, 1)[0];
}
