import type { Plan, PlannedExplainer, PlannedMetric, PlannedModel } from '../config/plan.ts';
import { imageBatch } from '../core/batch.ts';
import type { FullClassifier, Sample } from '../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../core/errors.ts';
import { createRng } from '../core/rng.ts';
import type { Tensor } from '../core/tensor.ts';
import type { RunFolder } from '../results/folder.ts';
import { type Row, type SampleRow, type ScoreRow, type UnitNames, unitOf } from '../results/rows.ts';
import type { DonorTable } from './donor-table.ts';
import { kindOf } from './environment.ts';
import { throwIfInterrupted } from './interrupt.ts';
import { type LoadedImage, loadImage } from './loaded-image.ts';
import { createSharedWork, type SharedWork } from './memo.ts';
import { EngineLost, type Session } from './open-model.ts';
import { predictedOf, targetOf } from './target.ts';
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

/** What the units of one image share. */
interface Work {
  readonly context: PassContext;
  readonly sample: Sample;
  /** Read and prepared when the first unit asks for it. */
  image(): Promise<LoadedImage>;
  /** The row of a unit that need not be done again. */
  known<K extends Row['kind']>(unit: UnitNames & { kind: K }): Extract<Row, { kind: K }> | undefined;
  /** Begins to write rows once those before are on the disk: the next unit need not wait for it. */
  write(...rows: Row[]): Promise<void>;
  /** All rows are on the disk. */
  written(): Promise<void>;
  readonly shared: SharedWork;
}

/** Does what the journal doesn't have yet of one image: its prediction, its maps, their scores. */
export async function runSample(context: PassContext, sample: Sample, index: number): Promise<void> {
  const work = await begin(context, sample);
  try {
    await runUnits(work, index);
  } finally {
    await work.written();
  }
}

async function runUnits(work: Work, index: number): Promise<void> {
  const { context, sample } = work;
  const found = work.known({ kind: 'sample', model: context.model.id, sample: sample.id });
  const row = found ?? (await predict(work, index));
  if (!found) await work.write(row);
  // In the second pass it was counted already.
  else if (!context.donors) context.ended(found, true);
  for (const method of context.methods) {
    throwIfInterrupted(context.signal);
    await runMethod(work, row, method);
  }
}

async function begin(context: PassContext, sample: Sample): Promise<Work> {
  const { plan, folder, model, signal, ended } = context;
  const held = new Map((await folder.journal.rowsOf(model.id, sample.id)).map(row => [unitOf(row), row]));
  let loading: Promise<LoadedImage> | undefined;
  let writing: Promise<void> = Promise.resolve();
  return {
    context,
    sample,
    image() {
      loading ??= loadImage(sample, model, plan.baselines, signal);
      return loading;
    },
    known: (unit => {
      const row = held.get(unitOf(unit));
      return row && !(context.retryFailed && row.status === 'failed') ? row : undefined;
    }) as Work['known'],
    async write(...rows) {
      throwIfInterrupted(signal);
      await writing;
      writing = folder.append(...rows).then(() => {
        for (const row of rows) ended(row, false);
      });
      // Whoever waits next gets the error.
      writing.catch(() => {});
    },
    written: () => writing,
    shared: createSharedWork(),
  };
}

/** One method on one image: its map, then the scores of the map. */
async function runMethod(work: Work, row: SampleRow, method: PlannedExplainer): Promise<void> {
  const { plan, model, folder, ended } = work.context;
  const names = { model: model.id, sample: work.sample.id, method: method.id };
  const target = row.target === undefined ? {} : { target: row.target };
  const missing: PlannedMetric[] = [];
  for (const metric of plan.metrics) {
    const found = work.known({ kind: 'score', ...names, metric: metric.id });
    if (found) ended(found, true);
    else missing.push(metric);
  }
  const found = work.known({ kind: 'map', ...names });
  if (found) ended(found, true);
  if (found && missing.length === 0) return;

  let map = found?.status === 'ok' ? await folder.readMap(found.file ?? '') : undefined;
  let mapRow = found;
  // A map whose file is gone is made again.
  if (!mapRow || (mapRow.status === 'ok' && !map)) {
    const made = await explain(work, row, method);
    throwIfInterrupted(work.context.signal);
    map = made.map;
    const file = map && (await folder.writeMap(model.id, method.id, work.sample.id, map));
    mapRow = { kind: 'map', ...names, ...target, ...baselineOf(method), ...made.result, ...(file ? { file } : {}) };
    if (found) await folder.append(mapRow);
    else await work.write(mapRow);
  }
  const scoreNames = (metric: PlannedMetric) =>
    ({ kind: 'score', ...names, metric: metric.id, ...target, ...baselineOf(metric) }) as const;
  if (mapRow.status !== 'ok' || !map) {
    const why = { status: mapRow.status, ...(mapRow.reason === undefined ? {} : { reason: mapRow.reason }) };
    await work.write(...missing.map((metric): ScoreRow => ({ ...scoreNames(metric), ...why })));
    return;
  }
  for (const metric of missing) {
    const result = await score(work, row, method, metric, map);
    await work.write({ ...scoreNames(metric), ...result });
  }
}

function baselineOf(part: { readonly baseline?: string }): { baseline?: string } {
  return part.baseline === undefined ? {} : { baseline: part.baseline };
}

function unitContext(
  { context: { plan, model, signal }, sample }: Work,
  row: SampleRow,
  classifier: FullClassifier,
  image: LoadedImage,
  ...labels: string[]
): UnitContext {
  const [kind, ...rest] = labels;
  return {
    model: classifier,
    image,
    target: { class: classOf(row, model) },
    rng: createRng(plan.seed).fork(kind!, model.id, sample.id, ...rest),
    signal,
  };
}

/** The class explained; −1 where there is none. */
function classOf({ target }: SampleRow, { card }: PlannedModel): number {
  return target === undefined ? -1 : card.classes.indexOf(target);
}

type Failure = { readonly status: 'failed'; readonly reason: string };

/** A unit's work with everything that it needs; what can't be read, or an engine that dies twice, fails it. */
async function attempt<T>(
  { context: { session, signal }, image }: Work,
  work: (model: FullClassifier, image: LoadedImage) => Promise<T>,
): Promise<T | Failure> {
  try {
    const loaded = await image();
    return await session.run(model => work(model, loaded));
  } catch (error) {
    throwIfInterrupted(signal);
    if (error instanceof EngineLost) throw error;
    return { status: 'failed', reason: oneLine(messageOf(error)) };
  }
}

async function predict(work: Work, index: number): Promise<SampleRow> {
  const { plan, model, folder, signal } = work.context;
  const { sample } = work;
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
  const found = await attempt(work, async (classifier, loaded) => ({
    loaded,
    probabilities: await probabilitiesOf(classifier, loaded, signal),
  }));
  if (!('loaded' in found)) return { ...row, ...found };
  const { probabilities, loaded } = found;
  const predicted = predictedOf(probabilities);
  const target = targetOf(plan.target, model, probabilities, labelled);
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

async function probabilitiesOf(model: FullClassifier, image: LoadedImage, signal: AbortSignal): Promise<number[]> {
  const batch = imageBatch(image.image());
  const probabilities = Array.from((await model.scores(batch, { as: 'probability', signal })).data);
  if (!probabilities.every(Number.isFinite)) {
    throw new CtXaiError('MODEL', `the model gives probabilities ${probabilities.join(', ')} for this image.`, {
      hint: 'Check the weights and the intensity steps of its card.',
    });
  }
  return probabilities;
}

async function explain(work: Work, row: SampleRow, method: PlannedExplainer): ReturnType<typeof explainUnit> {
  if (row.status !== 'ok') return { result: { status: row.status, reason: row.reason ?? 'the image failed' } };
  if (row.target === undefined) {
    return { result: { status: 'skipped', reason: 'the image has no label, and the class explained is its label' } };
  }
  const donor = method.of === undefined ? undefined : await donorMap(work, method.of);
  if (donor && 'reason' in donor) return { result: { status: 'undefined', reason: donor.reason } };
  const found = await attempt(work, (classifier, loaded) =>
    explainUnit(method, {
      ...unitContext(work, row, classifier, loaded, 'explain', method.id),
      ...(donor ? { donor: donor.map } : {}),
    }),
  );
  if (!('result' in found)) return { result: found };
  if (!donor) return found;
  const notes = { ...found.result.notes, donor: donor.sample };
  return { ...found, result: { ...found.result, notes } };
}

async function donorMap(work: Work, of: string): Promise<{ sample: string; map: Tensor } | { reason: string }> {
  const { donors, folder } = work.context;
  const found = donors?.donorFor(work.sample.id, of) ?? { reason: 'no donors are known' };
  if ('reason' in found) return found;
  const map = await folder.readMap(found.file);
  return map ? { sample: found.sample, map } : { reason: `the map of ${of} of ${found.sample} is gone` };
}

function score(
  work: Work,
  row: SampleRow,
  method: PlannedExplainer,
  metric: PlannedMetric,
  map: Tensor,
): ReturnType<typeof scoreUnit> {
  const kind = kindOf(work.context.plan, method.id);
  return attempt(work, (classifier, loaded) =>
    // Without the method's name: ties fall alike for all methods on this image.
    scoreUnit(metric, kind, map, {
      ...unitContext(work, row, classifier, loaded, 'metric'),
      shared: work.shared,
    }),
  );
}
