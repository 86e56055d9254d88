import { join } from 'node:path';
import { CtXaiError } from '../core/errors.ts';
import { insideFolder } from '../files/inside.ts';
import { readRegular } from '../files/regular.ts';
import { ioError, writeAtomic } from './files.ts';
import { openRunFolder, type RunFolder } from './folder.ts';

import { differences } from './manifest.ts';
import { makeRun, readRun } from './read-run.ts';
import { isPlain, type Manifest, type Row, unitOf } from './rows.ts';
import type { Run } from './run.ts';

export interface MergeResult {
  readonly dir: string;
  readonly manifest: Manifest;
  /** Rows in the merged folder. */
  readonly rows: number;
  /** Shards that none of the folders is. */
  readonly absent: readonly number[];
  /** Shards whose run has not ended. */
  readonly unfinished: readonly number[];
  /** What an explainer, or a metric of whole groups, still lacks. */
  readonly waiting: readonly { readonly what: string; readonly maps: number; readonly values: number }[];
  /** In what the shards' machines differ, so that last digits may. */
  readonly differences: readonly string[];
}

/**
 * Puts the run folders of shards together in one folder, which `ct-xai run` then finishes. Rows that it has already
 * are left as they are, so that more shards can be added later.
 * @throws CtXaiError RUN_FOLDER where the folders are no shards of one plan, with what differs.
 */
export async function mergeRuns(dirs: readonly string[], out: string, command: string): Promise<MergeResult> {
  const parts: Run[] = [];
  try {
    for (const dir of dirs) parts.push(await readRun(dir));
    const manifest = mergedManifest(parts, command);
    const folder = await openRunFolder(out, manifest, false);
    try {
      for (const part of parts) await addRows(part, folder);
      await folder.updateManifest({ state: 'interrupted', models: manifest.models });
      return { ...(await describe(folder, parts)), differences: machineDifferences(parts) };
    } finally {
      await folder.close();
    }
  } finally {
    for (const part of parts) await part.close();
  }
}

/** @throws CtXaiError RUN_FOLDER where a folder is no shard of the same plan as the first. */
function mergedManifest(parts: readonly Run[], command: string): Manifest {
  const first = parts[0]!;
  const seen = new Map<number, Run>();
  for (const part of parts) {
    const { shard } = part.manifest;
    if (!shard) {
      throw new CtXaiError('RUN_FOLDER', `${part.dir} is no shard: it was run without --shard.`, {
        hint: "Merge folders that 'ct-xai run --shard K/N' wrote.",
      });
    }
    checkSamePlan(first, part);
    if (shard.of !== first.manifest.shard!.of) {
      throw new CtXaiError(
        'RUN_FOLDER',
        `${first.dir} is one of ${first.manifest.shard!.of} shards, and ${part.dir} one of ${shard.of}.`,
        { hint: 'All shards of a run have the same number behind the stroke, as in --shard 3/16.' },
      );
    }
    const twin = seen.get(shard.index);
    if (twin) throw new CtXaiError('RUN_FOLDER', `${twin.dir} and ${part.dir} are both shard ${shard.index}.`);
    seen.set(shard.index, part);
  }
  const { shard: _, counts: __, endedAt: ___, ...rest } = first.manifest;
  return {
    ...rest,
    command,
    state: 'interrupted',
    resumed: 0,
    startedAt: parts.map(part => part.manifest.startedAt).sort()[0]!,
    models: rest.models.map(model => ({ ...model, ...runtimeOf(parts, model.id) })),
  };
}

function checkSamePlan(first: Run, part: Run): void {
  if (first.manifest.planDigest === part.manifest.planDigest) return;
  const found = differences(first.manifest, part.manifest);
  const list = found.length > 0 ? found.join(', ') : 'labels, engine or plug-ins';
  throw new CtXaiError('RUN_FOLDER', `${part.dir} is of another plan than ${first.dir}. Different: ${list}.`, {
    hint: 'Merge shards of one suite, run with the same options, version, models and data.',
  });
}

/** Where the model ran in the first part that opened it. */
function runtimeOf(parts: readonly Run[], id: string): Pick<Manifest['models'][number], 'runtime'> {
  for (const { manifest } of parts) {
    const runtime = manifest.models.find(model => model.id === id)?.runtime;
    if (runtime) return { runtime };
  }
  return {};
}

/** Copies a part's rows, sample by sample: first the files that they name. */
async function addRows(part: Run, folder: RunFolder): Promise<void> {
  let held = new Set<string>();
  let at = '';
  let rows: Row[] = [];
  const flush = async () => {
    for (const row of rows) for (const file of filesOf(row)) await copyFile(part.dir, folder.dir, file);
    await folder.journal.append(rows);
    rows = [];
  };
  for await (const row of part.rows()) {
    const sample = 'sample' in row ? JSON.stringify([row.model, row.sample]) : 'beside';
    if (sample !== at) {
      await flush();
      at = sample;
      const known =
        'sample' in row && row.kind !== 'budget'
          ? await folder.rowsOf(row.model, row.sample)
          : await folder.rowsBesideSamples();
      // A shard may have been run again since, with --retry-failed.
      held = new Set(known.filter(other => other.status !== 'failed').map(unitOf));
    }
    if (!held.has(unitOf(row))) rows.push(row);
  }
  await flush();
}

function filesOf(row: Row): string[] {
  const named =
    row.kind === 'map'
      ? [row.file, ...Object.values(row.files ?? {})]
      : row.kind === 'sample'
        ? [row.view, row.slice, row.mask]
        : row.kind === 'score'
          ? [row.film?.file]
          : [];
  return named.filter(file => file !== undefined);
}

async function copyFile(from: string, to: string, file: string): Promise<void> {
  const source = insideFolder(from, file);
  if (source === undefined) {
    throw new CtXaiError('RUN_FOLDER', `a row of ${from} names the file '${file}', which lies outside the folder.`);
  }
  let bytes: Buffer;
  try {
    bytes = await readRegular(source);
  } catch (error) {
    throw ioError(error, `reading ${source}`);
  }
  await writeAtomic(join(to, file), bytes);
}

async function describe(folder: RunFolder, parts: readonly Run[]): Promise<Omit<MergeResult, 'differences'>> {
  const { manifest, dir, journal } = folder;
  const numbers = new Map(parts.map(part => [part.manifest.shard!.index, part.manifest.state]));
  const all = Array.from({ length: parts[0]!.manifest.shard!.of }, (_, i) => i + 1);
  const absent = all.filter(i => !numbers.has(i));
  return {
    dir,
    manifest,
    rows: journal.index.rows,
    absent,
    unfinished: all.filter(i => numbers.has(i) && numbers.get(i) !== 'complete'),
    waiting: await waitingOf(makeRun(dir, manifest, journal)),
  };
}

/** Maps and values that the plan has and the folder lacks, by explainer and by group metric. */
async function waitingOf(run: Run): Promise<MergeResult['waiting']> {
  const { methods, metrics, models, dataset } = run.manifest;
  const maps = new Map<string, number>();
  const values = new Map<string, number>();
  const planned = new Set(metrics.map(({ id }) => id));
  const count = (of: Map<string, number>, key: string) => of.set(key, (of.get(key) ?? 0) + 1);
  for await (const row of run.rows()) {
    if (row.kind === 'map' && isPlain(row)) count(maps, row.method);
    if ((row.kind === 'score' || row.kind === 'item') && isPlain(row) && planned.has(row.metric)) {
      count(values, row.method);
    }
    if (row.kind === 'group') count(values, row.metric);
  }
  const images = dataset.explained ?? dataset.count * models.length;
  return [
    ...methods.map(({ id }) => ({
      what: id,
      maps: images - (maps.get(id) ?? 0),
      values: images * metrics.length - (values.get(id) ?? 0),
    })),
    ...metrics
      .filter(metric => metric.scope === 'group')
      .map(({ id }) => ({ what: id, maps: 0, values: methods.length * models.length - (values.get(id) ?? 0) })),
  ].filter(({ maps: m, values: v }) => m > 0 || v > 0);
}

/** What the same work on two machines may differ by in its last digits. */
function machineDifferences(parts: readonly Run[]): string[] {
  const of: [string, (manifest: Manifest) => unknown][] = [
    ['processor', m => m.hardware.cpu],
    ['version of Node', m => m.versions.node],
    ...parts[0]!.manifest.models.map(({ id }): [string, (manifest: Manifest) => unknown] => [
      `engine settings of ${id}`,
      m => {
        const runtime = m.models.find(model => model.id === id)?.runtime;
        if (!runtime) return undefined;
        const { engine, engineVersion, device, threads, workers, microBatch } = runtime;
        return `${engine} ${engineVersion} on ${device}, ${workers} × ${threads} threads, micro-batch ${microBatch}`;
      },
    ]),
  ];
  return of.flatMap(([what, read]) => {
    const found = new Set(parts.map(part => read(part.manifest)).filter(v => v !== undefined));
    return found.size > 1 ? [`${what}: ${[...found].join('; ')}`] : [];
  });
}
