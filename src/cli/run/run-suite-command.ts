import { join, resolve } from 'node:path';
import { builtinRegistry } from '../../builtin.ts';
import type { Plan } from '../../config/plan.ts';
import { resolvePlan } from '../../config/resolve.ts';
import type { Shard } from '../../config/samples.ts';
import { type LoadedSuite, type Overrides, readSuite } from '../../config/suite.ts';
import { CtXaiError } from '../../core/errors.ts';
import { type Collector, createCollector, type RunData } from '../../reports/index.ts';
import { readRun, removeMaps } from '../../results/read-run.ts';
import type { RowReader } from '../../results/row-reader.ts';
import type { Manifest, MapRow } from '../../results/rows.ts';
import type { Listener } from '../../runners/events.ts';
import { type RunOptions, runSuite } from '../../runners/run-suite.ts';
import { cacheFolder } from '../shared/cache.ts';
import { commandLine } from '../shared/command-line.ts';
import { counted } from '../shared/counted.ts';
import { interruptSignal, surviveStrayErrors } from '../shared/interrupts.ts';
import type { Saved } from '../shared/map-formats.ts';
import { ExitCode, note, print, shownPath } from '../shared/output.ts';
import { pluginWorkerUrl } from '../shared/plugin-worker-url.ts';
import { createProgressLine } from '../shared/progress-line.ts';
import { readReadings } from '../shared/reading-files.ts';
import { overridesOf } from '../shared/suite-options.ts';
import { writeReports } from '../shared/write-reports.ts';
import { resultTables } from './result-tables.ts';
import { saveMaps } from './save-maps.ts';
import { createProgressWriter } from './write-progress.ts';

export interface RunArguments {
  readonly suite: string;
  readonly out?: string | undefined;
  readonly limit?: number | undefined;
  readonly seed?: string | undefined;
  readonly device?: string | undefined;
  readonly data?: string | undefined;
  readonly fresh: boolean;
  readonly retryFailed: boolean;
  readonly timing?: boolean | undefined;
  readonly shard?: string | undefined;
  readonly queue?: string | undefined;
  readonly files?: string | undefined;
  readonly cancel: boolean;
  readonly save: readonly Saved[];
}

/** `ct-xai run`. */
export async function runSuiteCommand(argv: RunArguments): Promise<number> {
  const loaded = await readSuite(argv.suite, process.env);
  const overrides = overridesOf(argv);
  const planned = await resolvePlan(loaded, builtinRegistry(), overrides);
  const plan =
    argv.timing === undefined ? planned : { ...planned, timing: { ...planned.timing, enabled: argv.timing } };
  const shard = argv.shard === undefined ? undefined : parseShard(argv.shard);
  if (shard && argv.save.length > 0) {
    throw new CtXaiError('USAGE', '--save writes the maps of a whole run, and --shard runs a part of one.', {
      hint: 'Leave --save out here; once the parts are merged, ct-xai run … --save on the merged folder writes the maps.',
    });
  }
  const dir = plan.output.dir ?? resolve('reports', plan.name);
  if (argv.cancel) return cancelRun(dir, argv);
  // What is dropped here is of no use to anybody in the queue.
  if (argv.fresh && argv.queue !== undefined) await dropFromQueue(dir, argv.queue, placeOf(argv.files));
  const interrupts = interruptSignal();
  const release = surviveStrayErrors();
  const line = createProgressLine(process.stderr);
  const progress = createProgressWriter();
  const onEvent: Listener = event => {
    line.on(event);
    progress.on(event);
  };
  let collector: Collector | undefined;
  const failed = createFailureList();
  try {
    const result = await runSuite(plan, {
      dir,
      signal: interrupts.signal,
      fresh: argv.fresh,
      retryFailed: argv.retryFailed,
      ...(shard ? { shard } : {}),
      ...(argv.queue === undefined
        ? {}
        : { elsewhere: await queueOf(argv.queue, argv, { loaded, overrides, onEvent }) }),
      onEvent,
      readers(manifest) {
        collector = createCollector(manifest);
        return [collector, failed];
      },
      command: commandLine(),
      cacheDir: cacheFolder(),
      pluginThread: { worker: pluginWorkerUrl(), overrides: overridesOf(argv) },
    });
    line.end();
    if (result.state === 'interrupted') {
      note(`interrupted; the same command goes on where it stopped (${shownPath(dir)})`);
      if (argv.queue !== undefined) note('workers go on with what is in the queue; --cancel ends that');
      return ExitCode.interrupted;
    }
    if (shard) {
      failed.print();
      print(`shard ${shard.index}/${shard.of} is done. Once all are: ct-xai merge ${shownPath(dir)} … --out DIR`);
      return failures(result.counts) > 0 ? ExitCode.rowsFailed : ExitCode.ok;
    }
    const saved = await tell(dir, plan, argv.save, collector!.summary());
    failed.print();
    print(`\nreport: ${shownPath(join(dir, 'index.html'))}`);
    return failures(result.counts) > 0 || !saved ? ExitCode.rowsFailed : ExitCode.ok;
  } finally {
    line.end();
    await progress.end();
    interrupts.release();
    release();
  }
}

/** Jobs are done by workers; loaded only then, so that other commands start as fast as without. */
async function queueOf(
  address: string,
  { files, shard }: RunArguments,
  at: { readonly loaded: LoadedSuite; readonly overrides: Overrides; readonly onEvent: Listener },
): Promise<NonNullable<RunOptions['elsewhere']>> {
  if (shard !== undefined) {
    throw new CtXaiError('USAGE', '--shard and --queue are two ways to use many machines: choose one.');
  }
  const { coordinate } = await import('../../runners/queue/coordinate.ts');
  return coordinate({
    address,
    suite: at.loaded,
    overrides: at.overrides,
    onEvent: at.onEvent,
    ...(files === undefined ? {} : { files: placeOf(files)! }),
  });
}

/** A folder, absolute, or a bucket. */
function placeOf(files: string | undefined): string | undefined {
  return files === undefined || files.startsWith('s3://') ? files : resolve(files);
}

async function dropFromQueue(dir: string, address: string, files: string | undefined): Promise<void> {
  const { cancel } = await import('../../runners/queue/cancel.ts');
  await cancel(dir, address, files).catch((error: unknown) => {
    // The folder is new, or its run went through no queue.
    if (!(error instanceof CtXaiError && error.code === 'RUN_FOLDER')) throw error;
  });
}

async function cancelRun(dir: string, { queue: address, files }: RunArguments): Promise<number> {
  if (address === undefined) throw new CtXaiError('USAGE', '--cancel needs --queue, the address of Redis.');
  const { cancel } = await import('../../runners/queue/cancel.ts');
  print(await cancel(dir, address, placeOf(files)));
  return ExitCode.ok;
}

/** @throws CtXaiError USAGE unless it is K/N with whole numbers, 1 ≤ K ≤ N. */
function parseShard(text: string): Shard {
  const [, index, of] = (/^(\d{1,6})\/(\d{1,6})$/.exec(text) ?? []).map(Number);
  if (index !== undefined && of !== undefined && index >= 1 && index <= of) return { index, of };
  throw new CtXaiError('USAGE', `--shard must be K/N with 1 ≤ K ≤ N, such as 3/16, not '${text}'.`, {
    hint: 'Schedulers that count from 0 need K + 1.',
  });
}

function failures(counts: NonNullable<Manifest['counts']>): number {
  return Object.values(counts).reduce((n, byStatus) => n + (byStatus.failed ?? 0), 0);
}

/** Writes the reports and the maps asked for, and prints the table. @returns whether all these maps were written */
async function tell(dir: string, plan: Plan, formats: readonly Saved[], summary: RunData['summary']): Promise<boolean> {
  const { gallery, attributions } = plan.output;
  const run = await readRun(dir);
  try {
    const { analysis, data } = await writeReports(run, gallery, summary, { ratings: await readReadings(run) });
    const saved = formats.length === 0 || (await saveMaps(run, plan, formats));
    if (!attributions) await removeMaps(run, row => isShown(row, data.gallery));
    print(resultTables(analysis, data));
    return saved;
  } finally {
    await run.close();
  }
}

/** Whether the gallery shows a map: then `ct-xai report` needs it again. */
function isShown({ model, sample, method }: MapRow, gallery: RunData['gallery']): boolean {
  return gallery.some(g => g.model === model && g.sample === sample && g.methods.includes(method));
}

const MOST_REASONS = 5;

/**
 * What failed and why, gathered while the tables are written. An image that can't be read is told once: its maps and
 * values fail for the same reason.
 */
function createFailureList(): RowReader & { print(): void } {
  const reasons = new Map<string, number>();
  /** Of the image at hand. */
  let image: { readonly sample: string; readonly reason?: string | undefined } | undefined;
  return {
    row(row) {
      if (row.kind === 'sample') image = row;
      if (row.status !== 'failed') return;
      const ofImage =
        image?.reason !== undefined && 'sample' in row && row.sample === image.sample && row.reason === image.reason;
      const what =
        ofImage || row.kind === 'sample'
          ? image!.sample
          : 'metric' in row
            ? `${row.method}, ${row.metric}`
            : row.method;
      const said = row.reason ?? 'no reason given';
      const reason = /^[: ]/.test(said.slice(what.length)) && said.startsWith(what) ? said : `${what}: ${said}`;
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    },
    end() {},
    print() {
      if (reasons.size === 0) return;
      const sorted = [...reasons].sort(([, a], [, b]) => b - a);
      note(`\n${[...reasons.values()].reduce((a, b) => a + b, 0)} rows failed:`);
      for (const [reason, count] of sorted.slice(0, MOST_REASONS)) note(`  ${count} × ${reason}`);
      if (sorted.length > MOST_REASONS)
        note(`  … and ${counted(sorted.length - MOST_REASONS, 'more reason')} (see scores.csv)`);
    },
  };
}
