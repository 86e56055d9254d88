import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { CtXaiError } from '../core/errors.ts';
import { tensor } from '../core/tensor.ts';
import { insideFolder } from '../files/inside.ts';
import { ioError } from './files.ts';
import { JOURNAL_FILE, readArray } from './folder.ts';
import { type Journal, openJournal } from './journal.ts';
import { readManifest } from './manifest.ts';
import { sliceStep } from './pictures.ts';
import type { Manifest, MapRow, Row } from './rows.ts';
import type { Run } from './run.ts';

/**
 * Opens a run folder for reading; one that is still being written is read as far as it has come.
 * @throws CtXaiError RUN_FOLDER if `dir` is no run folder, is damaged, or is of a newer format.
 */
export async function readRun(dir: string): Promise<Run> {
  const manifest = await readManifest(dir);
  if (!manifest) {
    throw new CtXaiError('RUN_FOLDER', `${dir} is not a run folder: it has no manifest.json.`, {
      hint: "Name a folder that 'ct-xai run' wrote.",
    });
  }
  return makeRun(dir, manifest, await openJournal(join(dir, JOURNAL_FILE), { write: false }));
}

/** The run view of an open journal. */
export function makeRun(dir: string, manifest: Manifest, journal: Journal): Run {
  const read = (file: string | undefined) => (file === undefined ? Promise.resolve(undefined) : readArray(dir, file));
  return {
    dir,
    manifest,
    rows: () => rowsInOrder(manifest, journal),
    rowsOf: (model, sample) => journal.rowsOf(model, sample),
    readMap: row => read(row.file),
    readLayerMap: row => read(row.files?.layerMap),
    async readView(row) {
      const bytes = await read(row.view);
      return (
        bytes &&
        tensor(
          bytes.shape,
          bytes.data.map(v => v / 255),
        )
      );
    },
    async readSlice(row) {
      const stored = row.intensity && (await read(row.slice));
      const step = sliceStep(row.intensity?.unit ?? 'HU');
      return (
        stored &&
        tensor(
          stored.shape,
          stored.data.map(v => v * step),
        )
      );
    },
    readMask: row => read(row.mask),
    async readFilm(row) {
      const bytes = await read(row.film?.file);
      const plane = bytes ? bytes.data.length / bytes.shape[0]! : 0;
      return (
        bytes &&
        tensor(
          bytes.shape,
          bytes.data.map((v, i) => (i < plane ? v : v / 255)),
        )
      );
    },
    close: () => journal.close(),
  };
}

async function* rowsInOrder(manifest: Manifest, journal: Journal): AsyncIterable<Row> {
  const compare = comparePlanned(manifest);
  for (const model of ranked(manifest.models, [...journal.index.samples.keys()])) {
    const samples = [...(journal.index.samples.get(model) ?? [])].sort(
      ([a, x], [b, y]) => x.index - y.index || (a < b ? -1 : 1),
    );
    for (const [sample] of samples) yield* (await journal.rowsOf(model, sample)).sort(compare);
  }
  yield* (await journal.rowsBesideSamples()).sort(compare);
}

function ranked(planned: readonly { readonly id: string }[], found: readonly string[]): string[] {
  const ids = planned.map(part => part.id);
  return [...ids, ...found.filter(id => !ids.includes(id))];
}

const KINDS = ['sample', 'map', 'score', 'item', 'group', 'timing', 'budget'] as const;

/** Orders the rows of one sample, and timings. */
function comparePlanned({ models, methods, metrics, repetitions = [] }: Manifest): (a: Row, b: Row) => number {
  const rank = (parts: readonly { readonly id: string }[]) => {
    const ranks = new Map(parts.map(({ id }, i) => [id, i]));
    return (id: string | undefined) => (id === undefined ? -1 : (ranks.get(id) ?? parts.length));
  };
  const [model, method, metric] = [rank(models), rank(methods), rank([...metrics, ...repetitions])];
  const methodOf = (row: Row) => (row.kind === 'sample' ? undefined : row.method);
  const metricOf = (row: Row) => ('metric' in row ? row.metric : undefined);
  return (a, b) =>
    KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) ||
    model(a.model) - model(b.model) ||
    method(methodOf(a)) - method(methodOf(b)) ||
    metric(metricOf(a)) - metric(metricOf(b)) ||
    compareEnd(a, b);
}

/** Timings of one method by device, its budgets from the smallest, their images in code-unit order. */
function compareEnd(a: Row, b: Row): number {
  const text = (x = '', y = '') => (x < y ? -1 : x > y ? 1 : 0);
  if (a.kind === 'map' && b.kind === 'map') return text(a.modelVariant, b.modelVariant);
  if (a.kind === 'timing' && b.kind === 'timing') return text(a.asked, b.asked);
  if (a.kind === 'budget' && b.kind === 'budget') return (a.budget ?? 0) - (b.budget ?? 0) || text(a.sample, b.sample);
  return 0;
}

/** Deletes the maps of a run but those to be kept; their rows stay. @throws CtXaiError IO. */
export async function removeMaps(run: Run, keep: (row: MapRow) => boolean): Promise<void> {
  for await (const row of run.rows()) {
    if (row.kind !== 'map' || row.file === undefined || keep(row)) continue;
    for (const file of [row.file, ...Object.values(row.files ?? {})]) {
      const path = insideFolder(run.dir, file);
      if (path === undefined) continue;
      await rm(path, { force: true }).catch(error => {
        throw ioError(error, `removing ${path}`);
      });
    }
  }
}
