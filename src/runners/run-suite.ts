import { auditPatients } from '../config/audit-patients.ts';
import type { Plan, PlannedModel } from '../config/plan.ts';
import { countImages, type ImageCounts, type Shard } from '../config/samples.ts';
import type { Overrides } from '../config/suite.ts';
import type { ModelVariant, Runtime, Status } from '../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../core/errors.ts';
import { createIsolation, type Isolation } from '../jobs/isolated/isolation.ts';
import type { ThreadOptions } from '../jobs/isolated/thread.ts';
import { type Job, variantName } from '../jobs/job.ts';
import { openModel, openSession } from '../jobs/open-model.ts';
import type { JobResult, Services } from '../jobs/services.ts';
import { curvesReader } from '../results/curves.ts';
import { openRunFolder, type RunFolder } from '../results/folder.ts';
import { makeRun } from '../results/read-run.ts';
import { type RowReader, readRows } from '../results/row-reader.ts';
import { type Manifest, type Row, unitOf } from '../results/rows.ts';
import { tableReaders } from '../results/tables.ts';
import { runBudgets } from './budgets/run-budgets.ts';
import { describePlan } from './environment.ts';
import type { Listener } from './events.ts';
import { createProgress, type ProgressMeter } from './progress-meter.ts';
import { type ModelRun, runModel } from './run-model.ts';
import { createOpener, timedDevices } from './timing/devices.ts';
import { timeModel } from './timing/time-model.ts';
import { type TimingPhase, timingPhase } from './timing/timing-phase.ts';

export interface RunOptions {
  /** The run folder: made, or resumed where it holds a part of the same plan. */
  readonly dir: string;
  /** Drops what the folder has first. */
  readonly fresh?: boolean;
  /** Does units again that failed in an earlier start. */
  readonly retryFailed?: boolean;
  /** Runs only these images; timings, and what needs the results of other shards, are left to the merged folder. */
  readonly shard?: Shard;
  /** An abort ends the run cleanly; it can be resumed. */
  readonly signal?: AbortSignal;
  readonly onEvent?: Listener;
  /** How the run was asked for, for the manifest. */
  readonly command?: string;
  /** Where tuned settings are remembered between runs; absent: nowhere. */
  readonly cacheDir?: string;
  /** What else is made of the rows while the tables are. */
  readonly readers?: (manifest: Manifest) => readonly RowReader[];
  /** Does the jobs of all models, such as by workers on a queue. Default: this process, one model after the other. */
  readonly elsewhere?: (runs: readonly ModelRun[]) => Promise<void>;
  /** Does a job elsewhere. Default: in this process. */
  readonly execute?: (job: Job, services: Services) => Promise<JobResult>;
  /** The thread that jobs with plug-in parts run in, under the suite's limits. Default: they run in this one. */
  readonly pluginThread?: Pick<ThreadOptions, 'worker'> & { readonly overrides: Overrides };
}

export interface SuiteResult {
  readonly dir: string;
  readonly manifest: Manifest;
  readonly state: 'complete' | 'interrupted';
  readonly counts: NonNullable<Manifest['counts']>;
}

/**
 * Runs a plan, or the rest of it, into a run folder. Failures stay in their rows; the promise rejects only where the
 * run as a whole can't go on.
 * @throws CtXaiError RUN_FOLDER, IO for the folder; MODEL, CARD, ENGINE, DEVICE where the only model can't be opened.
 */
export async function runSuite(plan: Plan, options: RunOptions): Promise<SuiteResult> {
  const { shard } = options;
  const manifest = await manifestOf(plan, options);
  const text = plan.discretion?.text ?? ((given: string) => given);
  const discreet = (row: Row): Row => ({
    ...row,
    ...(row.reason === undefined ? {} : { reason: text(row.reason) }),
    ...(row.kind === 'sample' ? { source: text(row.source) } : {}),
  });
  const folder = await openRunFolder(options.dir, manifest, options.fresh ?? false, discreet);
  const stop = linkedController(options.signal);
  const began = performance.now();
  try {
    const counts = await countImages(plan, shard);
    const run = createRunner(plan, options, { folder, counts, signal: stop.controller.signal });
    if (!options.elsewhere) warnOfQueue(folder, options);
    const timed = plan.timing.enabled && !shard ? plan.models : [];
    let interrupted = false;
    try {
      const runs = plan.models.map(model => run.model(model));
      try {
        if (options.elsewhere) await options.elsewhere(runs);
        else for (const one of runs) await runModel(one);
      } finally {
        await run.close();
      }
      try {
        // Alone on the machine: everything else has ended.
        const timing = timingPhase(plan, timed, began, performance.now());
        for (const model of timed) await run.timing(model, timing);
        for (const model of timed) await run.budgets(model, timing);
      } finally {
        await run.close();
      }
    } catch (error) {
      if (!(error instanceof CtXaiError && error.code === 'INTERRUPTED') && !options.signal?.aborted) throw error;
      interrupted = true;
    }
    return await run.finish(interrupted ? 'interrupted' : 'complete');
  } catch (error) {
    await folder.updateManifest({ state: 'interrupted' }).catch(() => {});
    throw error;
  } finally {
    stop.unlink();
    await folder.close();
  }
}

async function manifestOf(plan: Plan, { command = '', shard }: RunOptions): Promise<Manifest> {
  const audit = await auditPatients(plan);
  const manifest = {
    ...describePlan(plan, command),
    ...(shard ? { shard } : {}),
    ...(audit.length > 0 ? { auditPatients: audit } : {}),
  };
  if (plan.explained === 'all') return manifest;
  // Of the whole plan, also where this is a shard.
  const explained = (await countImages(plan)).explained.reduce((a, b) => a + b, 0);
  return { ...manifest, dataset: { ...manifest.dataset, explained } };
}

/** A run that went through a queue and is finished without it: what is still in the queue is done for nothing. */
function warnOfQueue({ manifest: { queue } }: RunFolder, { dir, onEvent }: RunOptions): void {
  if (!queue || queue.ended) return;
  const message =
    `an earlier start of this run put jobs into a queue (run ${queue.id}), where workers may still do them unless it was cancelled. ` +
    `The same command with '--queue redis://… --cancel' removes them; ${dir} keeps what it has.`;
  onEvent?.({ kind: 'warning', message });
}

function linkedController(outer: AbortSignal | undefined): { controller: AbortController; unlink: () => void } {
  const controller = new AbortController();
  const abort = () => controller.abort();
  if (outer?.aborted) abort();
  outer?.addEventListener('abort', abort, { once: true });
  return { controller, unlink: () => outer?.removeEventListener('abort', abort) };
}

interface Runner {
  /** How a model's jobs are run. */
  model(model: PlannedModel): ModelRun;
  timing(model: PlannedModel, phase: TimingPhase): Promise<void>;
  budgets(model: PlannedModel, phase: TimingPhase): Promise<void>;
  finish(state: SuiteResult['state']): Promise<SuiteResult>;
  close(): Promise<void>;
}

interface RunnerPlace {
  readonly folder: RunFolder;
  readonly counts: ImageCounts;
  readonly signal: AbortSignal;
}

function createRunner(plan: Plan, options: RunOptions, { folder, counts, signal }: RunnerPlace): Runner {
  const emit: Listener = options.onEvent ?? (() => {});
  // A shard makes no maps that are borrowed from others.
  const own = options.shard ? { ...plan, explainers: plan.explainers.filter(e => e.of === undefined) } : plan;
  const progress: ProgressMeter = createProgress(own, counts, () => performance.now());
  emit({
    kind: 'start',
    dir: folder.dir,
    rows: folder.journal.index.rows,
    resumed: folder.resumed,
    images: counts.images,
  });
  const ended = (row: Row, known: boolean) => emit({ kind: 'row', row, known, progress: progress.advance(row, known) });
  const runtimeOf = ({ id }: PlannedModel) => folder.manifest.models.find(m => m.id === id)?.runtime;
  const cache = options.cacheDir === undefined ? {} : { cacheDir: options.cacheDir };
  const warn = (message: string) => emit({ kind: 'warning', message });
  const isolation = isolationOf(plan, options, warn);

  const openerOf = (model: PlannedModel, engine: Plan['engine'], earlier: Runtime | undefined) =>
    createOpener(plan, model, engine, { signal, ...(earlier ? { earlier } : {}), ...cache });

  async function began(model: PlannedModel, runtime: Runtime, variant: ModelVariant): Promise<void> {
    if (variant.kind !== 'original') {
      emit({ kind: 'phase', phase: 'explain', model: model.id, variant: variantName(variant) });
      return;
    }
    if (!begun.has(model.id)) emit({ kind: 'model', model: model.id, runtime });
    begun.add(model.id);
    await folder.updateManifest({
      models: folder.manifest.models.map(m => (m.id === model.id ? { ...m, runtime } : m)),
    });
    emit({ kind: 'phase', phase: 'explain', model: model.id });
  }
  const begun = new Set<string>();

  return {
    model(model) {
      return {
        plan,
        model,
        store: folder,
        retryFailed: options.retryFailed ?? false,
        signal,
        open: (variant, other = model.id) =>
          openSession(earlier => {
            const asked = plan.models.find(m => m.id === other)!;
            const remembered = earlier ?? runtimeOf(asked);
            return openModel(plan, asked, {
              signal,
              variant,
              ...(remembered ? { earlier: remembered } : {}),
              ...cache,
            });
          }, warn),
        began: (runtime, variant) => began(model, runtime, variant),
        onChance: id => emit({ kind: 'phase', phase: 'chance', model: id }),
        ended,
        goesOn(error, variant) {
          if (variant.kind === 'original' && plan.models.length === 1) return false;
          warn(`model '${model.id}' (${variantName(variant)}) can't be opened: ${messageOf(error)}`);
          return true;
        },
        ...(options.execute ? { execute: options.execute } : {}),
        ...(isolation ? { isolation } : {}),
        ...(options.shard ? { shard: options.shard } : {}),
      };
    },
    async timing(model, phase) {
      const known = (await folder.rowsBesideSamples()).filter(row => row.kind === 'timing' && row.model === model.id);
      for (const device of timedDevices(plan)) {
        const done = known.flatMap(row => (row.kind === 'timing' && row.asked === device.asked ? [row.method] : []));
        await timeModel({
          plan,
          model,
          device,
          opener: openerOf(model, device.engine, device.asked === undefined ? runtimeOf(model) : undefined),
          done: new Set(done),
          until: phase.next(),
          signal,
          ...(isolation ? { isolation } : {}),
          began: () => emit({ kind: 'phase', phase: 'timing', model: model.id }),
          ended: async row => void (await folder.put(row)),
          progress: (done, total) => emit({ kind: 'timing', model: model.id, done, total }),
        });
      }
    },
    async budgets(model, phase) {
      const rows = (await folder.rowsBesideSamples()).filter(row => row.kind === 'budget' && row.model === model.id);
      await runBudgets({
        plan,
        model,
        opener: openerOf(model, plan.engine, runtimeOf(model)),
        done: new Set(rows.map(unitOf)),
        until: phase.next(),
        cut: () => warn(`budgets of ${model.id}: the timing phase had used up its time (timing.most).`),
        signal,
        ...(isolation ? { isolation } : {}),
        began: () => emit({ kind: 'phase', phase: 'budgets', model: model.id }),
        ended: async row => void (await folder.put(row)),
        progress: (done, total) => emit({ kind: 'budget', model: model.id, done, total }),
      });
    },
    close: async () => isolation?.close(),
    async finish(state) {
      emit({ kind: 'phase', phase: 'tables' });
      const run = makeRun(folder.dir, folder.manifest, folder.journal);
      const counts = createCounts();
      await readRows(run, [
        ...tableReaders(run, {
          curvesCsv: plan.output.curvesCsv,
          budgetsCsv: plan.timing.enabled && plan.timing.budgets.length > 0,
          groupsCsv: plan.metrics.some(m => m.metric.scope === 'group'),
        }),
        curvesReader(run),
        counts,
        ...(options.readers?.(run.manifest) ?? []),
      ]);
      await folder.updateManifest({ state, counts: counts.counts, endedAt: new Date().toISOString() });
      return { dir: folder.dir, manifest: folder.manifest, state, counts: counts.counts };
    },
  };
}

function isolationOf(
  { file, limits, digest }: Plan,
  { pluginThread }: RunOptions,
  warn: (message: string) => void,
): Isolation | undefined {
  if (!pluginThread || file === undefined || !limits) return undefined;
  const { worker, overrides } = pluginThread;
  const stray = (message: string) => warn(`something of a plug-in failed that nobody waits for: ${message}`);
  return createIsolation({ worker, source: { kind: 'suite', file, overrides }, limits, digest, warn: stray });
}

/** Counts rows by kind and status. */
function createCounts(): RowReader & { readonly counts: NonNullable<Manifest['counts']> } {
  const counts: Record<Row['kind'], Partial<Record<Status, number>>> = {
    sample: {},
    map: {},
    score: {},
    item: {},
    group: {},
    timing: {},
    budget: {},
  };
  return {
    counts,
    row({ kind, status }) {
      counts[kind][status] = (counts[kind][status] ?? 0) + 1;
    },
    end() {},
  };
}
