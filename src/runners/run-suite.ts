import type { Plan, PlannedExplainer, PlannedModel } from '../config/plan.ts';
import { samplesOf } from '../config/samples.ts';
import type { Runtime, Status } from '../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../core/errors.ts';
import { writeCurves } from '../results/curves.ts';
import { openRunFolder, type RunFolder } from '../results/folder.ts';
import { makeRun } from '../results/read-run.ts';
import { type Manifest, type Row, unitOf } from '../results/rows.ts';
import { writeTables } from '../results/tables.ts';
import { runBudgets } from './budgets/run-budgets.ts';
import { forEachConcurrently } from './concurrently.ts';
import { readDonors } from './donor-table.ts';
import { describePlan, imagesOf } from './environment.ts';
import type { Listener } from './events.ts';
import { throwIfInterrupted } from './interrupt.ts';
import { openModel, openSession, type Session } from './open-model.ts';
import { failedRows, hasWork } from './plan-units.ts';
import { createProgress, type ProgressMeter } from './progress-meter.ts';
import { type PassContext, runSample } from './sample-runner.ts';
import { createOpener, timedDevices } from './timing/devices.ts';
import { timeModel } from './timing/time-model.ts';
import { oneLine } from './units.ts';

export interface RunOptions {
  /** The run folder: made, or resumed where it holds a part of the same plan. */
  readonly dir: string;
  /** Drops what the folder has first. */
  readonly fresh?: boolean;
  /** Does units again that failed in an earlier start. */
  readonly retryFailed?: boolean;
  /** An abort ends the run cleanly; it can be resumed. */
  readonly signal?: AbortSignal;
  readonly onEvent?: Listener;
  /** How the run was asked for, for the manifest. */
  readonly command?: string;
  /** Where tuned settings are remembered between runs; absent: nowhere. */
  readonly cacheDir?: string;
}

export interface RunResult {
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
export async function runSuite(plan: Plan, options: RunOptions): Promise<RunResult> {
  const folder = await openRunFolder(options.dir, describePlan(plan, options.command ?? ''), options.fresh ?? false);
  const stop = linkedController(options.signal);
  try {
    const run = createRunner(plan, options, folder, stop.controller.signal);
    let interrupted = false;
    try {
      for (const model of plan.models) await run.model(model);
      // Alone on the machine: everything else has ended.
      for (const model of plan.timing.enabled ? plan.models : []) await run.timing(model);
      for (const model of plan.timing.enabled ? plan.models : []) await run.budgets(model);
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

function linkedController(outer: AbortSignal | undefined): { controller: AbortController; unlink: () => void } {
  const controller = new AbortController();
  const abort = () => controller.abort();
  if (outer?.aborted) abort();
  outer?.addEventListener('abort', abort, { once: true });
  return { controller, unlink: () => outer?.removeEventListener('abort', abort) };
}

interface Runner {
  model(model: PlannedModel): Promise<void>;
  timing(model: PlannedModel): Promise<void>;
  budgets(model: PlannedModel): Promise<void>;
  finish(state: RunResult['state']): Promise<RunResult>;
}

function createRunner(plan: Plan, options: RunOptions, folder: RunFolder, signal: AbortSignal): Runner {
  const emit: Listener = options.onEvent ?? (() => {});
  const images = imagesOf(plan);
  const progress: ProgressMeter = createProgress(plan, images, () => performance.now());
  emit({
    kind: 'start',
    dir: folder.dir,
    rows: folder.journal.index.rows,
    resumed: folder.resumed,
    images,
  });
  const ended = (row: Row, known: boolean) => emit({ kind: 'row', row, known, progress: progress.advance(row, known) });
  const runtimeOf = ({ id }: PlannedModel) => folder.manifest.models.find(m => m.id === id)?.runtime;
  const open = (model: PlannedModel) => (earlier?: Runtime) => {
    const remembered = earlier ?? runtimeOf(model);
    return openModel(plan, model, {
      signal,
      ...(remembered ? { earlier: remembered } : {}),
      ...(options.cacheDir === undefined ? {} : { cacheDir: options.cacheDir }),
    });
  };

  const openerOf = (model: PlannedModel, engine: Plan['engine'], earlier: Runtime | undefined) =>
    createOpener(plan, model, engine, {
      signal,
      ...(earlier ? { earlier } : {}),
      ...(options.cacheDir === undefined ? {} : { cacheDir: options.cacheDir }),
    });

  async function pass(
    context: Omit<PassContext, 'ended' | 'signal' | 'plan' | 'folder' | 'retryFailed'>,
  ): Promise<void> {
    const width = Math.max(2, context.session.runtime.workers);
    await forEachConcurrently(samplesOf(plan), width, async (sample, index) => {
      throwIfInterrupted(signal);
      const retryFailed = options.retryFailed ?? false;
      await runSample({ ...context, plan, folder, retryFailed, signal, ended }, sample, index);
    });
  }

  async function rows(model: PlannedModel, session: Session): Promise<void> {
    const { runtime } = session;
    emit({ kind: 'model', model: model.id, runtime });
    await folder.updateManifest({
      models: folder.manifest.models.map(m => (m.id === model.id ? { ...m, runtime } : m)),
    });
    const [own, borrowed] = splitMethods(plan.explainers);
    emit({ kind: 'phase', phase: 'explain', model: model.id });
    await pass({ model, session, methods: own });
    if (borrowed.length === 0) return;
    emit({ kind: 'phase', phase: 'shuffled', model: model.id });
    const of = new Set(borrowed.map(method => method.of!));
    const donors = await readDonors(folder.journal, model.id, model.card.classes, of, plan.seed);
    await pass({ model, session, methods: borrowed, donors });
  }

  return {
    async model(model) {
      if (!(await hasWork(plan, model, folder.journal, options.retryFailed ?? false))) return;
      let session: Session;
      try {
        session = await openSession(open(model), message => emit({ kind: 'warning', message }));
      } catch (error) {
        if (plan.models.length === 1 || signal.aborted) throw error;
        emit({ kind: 'warning', message: `model '${model.id}' can't be opened: ${messageOf(error)}` });
        await failModel(folder, plan, model, oneLine(messageOf(error)), ended);
        return;
      }
      try {
        await rows(model, session);
      } finally {
        await session.close();
      }
    },
    async timing(model) {
      const known = (await folder.journal.timings()).filter(row => row.kind === 'timing' && row.model === model.id);
      for (const device of timedDevices(plan)) {
        const done = known.flatMap(row => (row.kind === 'timing' && row.asked === device.asked ? [row.method] : []));
        await timeModel({
          plan,
          model,
          device,
          opener: openerOf(model, device.engine, device.asked === undefined ? runtimeOf(model) : undefined),
          done: new Set(done),
          signal,
          began: () => emit({ kind: 'phase', phase: 'timing', model: model.id }),
          ended: row => folder.append(row),
          progress: (done, total) => emit({ kind: 'timing', model: model.id, done, total }),
        });
      }
    },
    async budgets(model) {
      const rows = (await folder.journal.timings()).filter(row => row.kind === 'budget' && row.model === model.id);
      await runBudgets({
        plan,
        model,
        opener: openerOf(model, plan.engine, runtimeOf(model)),
        done: new Set(rows.map(unitOf)),
        signal,
        began: () => emit({ kind: 'phase', phase: 'budgets', model: model.id }),
        ended: row => folder.append(row),
        progress: (done, total) => emit({ kind: 'budget', model: model.id, done, total }),
      });
    },
    async finish(state) {
      emit({ kind: 'phase', phase: 'tables' });
      const run = makeRun(folder.dir, folder.manifest, folder.journal);
      await writeTables(run, {
        curvesCsv: plan.output.curvesCsv,
        budgetsCsv: plan.timing.enabled && plan.timing.budgets.length > 0,
      });
      await writeCurves(run);
      const counts = await count(run.rows());
      await folder.updateManifest({ state, counts, endedAt: new Date().toISOString() });
      return { dir: folder.dir, manifest: folder.manifest, state, counts };
    },
  };
}

/** Methods of their own, and those that take other images' maps. */
function splitMethods(methods: readonly PlannedExplainer[]): [PlannedExplainer[], PlannedExplainer[]] {
  return [methods.filter(m => m.of === undefined), methods.filter(m => m.of !== undefined)];
}

/** Rows for a model that can't be opened, where other models go on. */
async function failModel(
  folder: RunFolder,
  plan: Plan,
  model: PlannedModel,
  reason: string,
  ended: (row: Row, known: boolean) => void,
): Promise<void> {
  let index = 0;
  for await (const sample of samplesOf(plan)) {
    const known = (await folder.journal.rowsOf(model.id, sample.id)).length > 0;
    if (!known) {
      const rows = failedRows(plan, model.id, sample, index, reason);
      await folder.append(...rows);
      for (const row of rows) ended(row, false);
    }
    index++;
  }
}

async function count(rows: AsyncIterable<Row>): Promise<NonNullable<Manifest['counts']>> {
  const counts: Record<Row['kind'], Partial<Record<Status, number>>> = {
    sample: {},
    map: {},
    score: {},
    timing: {},
    budget: {},
  };
  for await (const row of rows) counts[row.kind][row.status] = (counts[row.kind][row.status] ?? 0) + 1;
  return counts;
}
