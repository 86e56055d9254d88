import type { Plan, PlannedExplainer, PlannedModel } from '../config/plan.ts';
import type { FullClassifier, Sample } from '../core/contracts.ts';
import { CtXaiError, messageOf } from '../core/errors.ts';
import { createRng } from '../core/rng.ts';
import type { Tensor } from '../core/tensor.ts';
import type { RunFolder } from '../results/folder.ts';
import { type MapRow, type Row, type SampleRow, type UnitNames, unitOf } from '../results/rows.ts';
import type { DonorTable } from './donor-table.ts';
import { kindOf } from './environment.ts';
import { type LoadedImage, loadImage } from './loaded-image.ts';
import { createSharedWork, type SharedWork } from './memo.ts';
import { EngineLost, type Session } from './session.ts';
import { explainUnit, oneLine, scoreUnit, type UnitContext } from './units.ts';

/** What all images of one model's pass share. */
export interface PassContext {
  readonly plan: Plan;
  readonly folder: RunFolder;
  readonly model: PlannedModel;
  readonly session: Session;
  /** The methods of this pass. */
  readonly methods: readonly PlannedExplainer[];
  /** For methods that take another image's map. */
  readonly donors?: DonorTable;
  readonly retryFailed: boolean;
  readonly signal: AbortSignal;
  readonly ended: (row: Row, known: boolean) => void;
}

type Names = Pick<MapRow, 'model' | 'sample'>;

/** Does what the journal doesn't have yet of one image: its prediction, its maps, their scores. */
export async function runSample(context: PassContext, sample: Sample, index: number): Promise<void> {
  const { plan, folder, model, methods, signal, ended } = context;
  const names: Names = { model: model.id, sample: sample.id };
  const held = new Map((await folder.journal.rowsOf(model.id, sample.id)).map(row => [unitOf(row), row]));
  const known = <K extends Row['kind']>(unit: UnitNames & { kind: K }): Extract<Row, { kind: K }> | undefined => {
    const row = held.get(unitOf(unit));
    if (!row || (context.retryFailed && row.status === 'failed')) return undefined;
    return row as Extract<Row, { kind: K }>;
  };
  const write = async (...rows: Row[]): Promise<void> => {
    await folder.append(...rows);
    for (const row of rows) ended(row, false);
  };

  let loading: Promise<LoadedImage> | undefined;
  const image = (): Promise<LoadedImage> => {
    loading ??= loadImage(sample, model, plan.baselines, signal);
    return loading;
  };

  let row = known({ kind: 'sample', ...names });
  if (row) ended(row, true);
  else {
    row = await predict(context, sample, index, image);
    throwIfInterrupted(signal);
    await write(row);
  }
  const target = row.target === undefined ? -1 : model.card.classes.indexOf(row.target);
  const common = { ...names, ...(row.target === undefined ? {} : { target: row.target }) };

  for (const method of methods) {
    const scoreRow = (metric: string) => known({ kind: 'score', ...names, method: method.id, metric });
    const missing = plan.metrics.filter(metric => !scoreRow(metric.id));
    for (const { id } of plan.metrics) {
      const found = scoreRow(id);
      if (found) ended(found, true);
    }
    let mapRow = known({ kind: 'map', ...names, method: method.id });
    if (mapRow) ended(mapRow, true);
    if (mapRow && missing.length === 0) continue;
    throwIfInterrupted(signal);

    let map: Tensor | undefined;
    if (mapRow?.status === 'ok') map = await folder.readMap(mapRow.file ?? '');
    // A map whose file is gone is made again.
    if (!mapRow || (mapRow.status === 'ok' && !map)) {
      const again = mapRow !== undefined;
      const mapNames = { kind: 'map' as const, ...common, method: method.id, ...baselineOf(method) };
      const made = await explain(context, row, target, method, sample, image);
      throwIfInterrupted(signal);
      map = made.map;
      const file = map && (await folder.writeMap(model.id, method.id, sample.id, map));
      mapRow = { ...mapNames, ...made.result, ...(file === undefined ? {} : { file }) };
      if (again) await folder.append(mapRow);
      else await write(mapRow);
    }
    if (mapRow.status !== 'ok' || !map) {
      const why = { status: mapRow.status, ...(mapRow.reason === undefined ? {} : { reason: mapRow.reason }) };
      await write(
        ...missing.map(metric => ({
          kind: 'score' as const,
          ...common,
          method: method.id,
          metric: metric.id,
          ...baselineOf(metric),
          ...why,
        })),
      );
      continue;
    }
    const shared = new Map<string | undefined, SharedWork>();
    for (const metric of missing) {
      throwIfInterrupted(signal);
      const work = shared.get(metric.baseline) ?? createSharedWork();
      shared.set(metric.baseline, work);
      const result = await attempt(context, image, (classifier, loaded) =>
        scoreUnit(metric, kindOf(plan, method.id), map, {
          ...unitContext(context, sample, loaded, classifier, target, ['metric']),
          shared: work,
        }),
      );
      throwIfInterrupted(signal);
      await write({
        kind: 'score',
        ...common,
        method: method.id,
        metric: metric.id,
        ...baselineOf(metric),
        ...result,
      });
    }
  }
}

function baselineOf(part: { readonly baseline?: string }): { baseline?: string } {
  return part.baseline === undefined ? {} : { baseline: part.baseline };
}

function unitContext(
  { plan, model, signal }: PassContext,
  sample: Sample,
  image: LoadedImage,
  classifier: FullClassifier,
  target: number,
  labels: readonly string[],
): UnitContext {
  const [kind, ...rest] = labels;
  const rng = createRng(plan.seed).fork(kind!, model.id, sample.id, ...rest);
  return { model: classifier, image, target: { class: target }, rng, signal };
}

type Failure = { readonly status: 'failed'; readonly reason: string };

/** A unit's work with everything that it needs; what can't be read, or an engine that dies twice, fails it. */
async function attempt<T>(
  { session, signal }: PassContext,
  image: () => Promise<LoadedImage>,
  work: (model: FullClassifier, image: LoadedImage) => Promise<T>,
): Promise<T | Failure> {
  try {
    const loaded = await image();
    return await session.run(model => work(model, loaded));
  } catch (error) {
    if (signal.aborted || error instanceof EngineLost) throw error;
    return { status: 'failed', reason: oneLine(messageOf(error)) };
  }
}

async function predict(
  context: PassContext,
  sample: Sample,
  index: number,
  image: () => Promise<LoadedImage>,
): Promise<SampleRow> {
  const { plan, model, folder, signal } = context;
  const { classes } = model.card;
  const labelled = sample.label === undefined ? undefined : model.classOf.get(sample.label);
  const row = {
    kind: 'sample' as const,
    model: model.id,
    sample: sample.id,
    index,
    source: sample.source,
    patient: sample.patient,
    ...(labelled === undefined ? {} : { label: classes[labelled]! }),
    hasMask: sample.hasMask,
  };
  const found = await attempt(context, image, async (classifier, loaded) => {
    const data = loaded.image().data;
    const batch = { count: 1, write: (_: number, out: Float32Array) => out.set(data) };
    const { data: scores } = await classifier.scores(batch, { as: 'probability', signal });
    const probabilities = Array.from(scores);
    if (!probabilities.every(Number.isFinite)) {
      throw new CtXaiError('MODEL', `the model gives ${probabilities.join(', ')} for this image.`);
    }
    return { probabilities, loaded };
  });
  if ('reason' in found) return { ...row, ...found };
  const { probabilities, loaded } = found;
  const predicted = probabilities.indexOf(Math.max(...probabilities));
  const target = { predicted, label: labelled, class: model.targetClass }[plan.target.kind];
  const mask = loaded.mask();
  return {
    ...row,
    size: loaded.size,
    predicted: classes[predicted]!,
    probabilities,
    ...(target === undefined ? {} : { target: classes[target]!, targetProbability: probabilities[target]! }),
    view: await folder.writeView(model.id, sample.id, loaded.view()),
    ...(mask ? { mask: await folder.writeMask(model.id, sample.id, mask) } : {}),
    status: 'ok',
  };
}

async function explain(
  context: PassContext,
  row: SampleRow,
  target: number,
  method: PlannedExplainer,
  sample: Sample,
  image: () => Promise<LoadedImage>,
): Promise<Awaited<ReturnType<typeof explainUnit>>> {
  if (row.status !== 'ok') return { result: { status: row.status, reason: row.reason ?? 'the image failed' } };
  if (target < 0) {
    return { result: { status: 'skipped', reason: 'the image has no label, and the class explained is its label' } };
  }
  const donor = method.of === undefined ? undefined : await donorMap(context, method.of, sample.id);
  if (donor && 'reason' in donor) return { result: { status: 'undefined', reason: donor.reason } };
  const found = await attempt(context, image, (classifier, loaded) =>
    explainUnit(method, {
      ...unitContext(context, sample, loaded, classifier, target, ['explain', method.id]),
      ...(donor ? { donor: donor.map } : {}),
    }),
  );
  if (!('result' in found)) return { result: found };
  if (!donor) return found;
  const { result, map } = found;
  return { result: { ...result, notes: { ...result.notes, donor: donor.sample } }, ...(map ? { map } : {}) };
}

async function donorMap(
  { donors, folder }: PassContext,
  method: string,
  sample: string,
): Promise<{ sample: string; map: Tensor } | { reason: string }> {
  const found = donors?.donorFor(sample, method) ?? { reason: 'no donors are known' };
  if ('reason' in found) return found;
  const map = await folder.readMap(found.file);
  return map ? { sample: found.sample, map } : { reason: `the map of ${method} of ${found.sample} is gone` };
}

export function throwIfInterrupted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  if (signal.reason instanceof CtXaiError) throw signal.reason;
  throw new CtXaiError('INTERRUPTED', 'the run was interrupted.', {
    hint: 'Start again with the same command: the run goes on.',
  });
}
