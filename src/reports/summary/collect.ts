import type { Status } from '../../core/contracts/index.ts';
import type { RowReader } from '../../results/row-reader.ts';
import type {
  BudgetRow,
  GroupRow,
  Manifest,
  MapRow,
  Passes,
  Row,
  SampleRow,
  ScoreRow,
  TimingRow,
} from '../../results/rows.ts';
import { isPlain } from '../../results/rows.ts';
import { type CurveDraft, type CurveMean, createCurveMean } from './curve-mean.ts';
import {
  createMeans,
  createPassMeans,
  type Means,
  type MeansDraft,
  type PassMeans,
  type PassMeansDraft,
} from './means.ts';
import { isPrimary } from './primary.ts';
import { createTally, type Tally, type TallyDraft } from './tally.ts';
import { type ImageTruth, truthOf } from './truths.ts';

/**
 * What the reports keep of a run's rows: a number per value, curves as means within patients, reasons as counts.
 */
export interface RunSummary {
  /** In plan order. */
  readonly samples: readonly SampleRow[];
  readonly scores: readonly ScoreCell[];
  /** Of metrics that were repeated with one thing changed; absent: none. */
  readonly repeated?: readonly ScoreCell[];
  readonly maps: readonly MapCell[];
  readonly timings: readonly TimingRow[];
  /** Explanations at budgets of passes. */
  readonly budgets: readonly BudgetRow[];
  /** Values of group metrics. */
  readonly groups: readonly GroupRow[];
  /** What is known by intervention, by model and sample; absent where nothing is. */
  readonly truths?: ReadonlyMap<string, ReadonlyMap<string, ImageTruth>>;
}

/** The values of one model × metric × method. */
export interface ScoreCell {
  readonly model: string;
  readonly metric: string;
  readonly method: string;
  /** `ok` values by sample id, in plan order. */
  readonly values: ReadonlyMap<string, number>;
  /** What maps that know nothing score, by sample id, where it depends on the image. */
  readonly chances: ReadonlyMap<string, number>;
  /** The value less that by another model's truth, by sample id; absent where the metric gives none. */
  readonly swaps?: ReadonlyMap<string, number>;
  /** All rows of the cell that are not `ok`. */
  readonly others: Tally;
  /** Those of them that are of images of the primary analysis. */
  readonly primaryOthers: Tally;
  /** Baselines that the rows name (one, as a rule). */
  readonly baselines: readonly string[];
  readonly passes: PassMeans;
  /** Passes of all its rows that other units had made. */
  readonly saved: Passes;
  /** Of images of the primary analysis. Absent where their rows have no curves. */
  readonly curve?: CurveMean;
}

/** The maps of one model × method. */
export interface MapCell {
  readonly model: string;
  readonly method: string;
  /** Samples with a map. */
  readonly ok: ReadonlySet<string>;
  readonly others: Tally;
  readonly baselines: readonly string[];
  readonly diagnostics: Means;
  /** Distinct notes by key, e.g. the layer used; at most eight each. */
  readonly notes: ReadonlyMap<string, readonly string[]>;
  readonly passes: PassMeans;
}

/** Keeps what the reports need of a run's rows while they come by, in plan order. */
export interface Collector extends RowReader {
  summary(): RunSummary;
}

/** Memory: a number for each score, and 101 for each patient × model × metric × method with curves. */
export function createCollector(manifest: Manifest): Collector {
  const samples: SampleRow[] = [];
  const timings: TimingRow[] = [];
  const budgets: BudgetRow[] = [];
  const maps = new Map<string, MapDraft>();
  const scores = new Map<string, ScoreDraft>();
  const repeats = new Map<string, ScoreDraft>();
  const groups: GroupRow[] = [];
  // Every row brings its own copy of the sample's id: keep one.
  const known = new Map<string, SampleRow>();
  const primary = new Set<string>();
  const truths = new Map<string, Map<string, ImageTruth>>();
  const repetitions = new Set(manifest.repetitions?.map(({ id }) => id));
  const addTruth = (row: MapRow | ScoreRow, id: string): void => {
    const found = truthOf(row.kind === 'map' ? row.diagnostics : row.details);
    if (!found) return;
    const own = truths.get(row.model) ?? new Map();
    truths.set(row.model, own.set(id, found));
  };
  const add = (row: Row): void => {
    // Maps under other weights are what metrics are made of, not what is compared.
    const repeated = row.kind === 'score' && repetitions.has(row.metric);
    if (!isPlain(row) && !repeated) return;
    const name = 'sample' in row ? row.sample : '';
    const sample = known.get(name);
    const id = sample?.sample ?? name;
    switch (row.kind) {
      case 'sample':
        samples.push(row);
        known.set(row.sample, row);
        if (isPrimary(manifest, row)) primary.add(`${row.model}\n${row.sample}`);
        break;
      case 'map':
        addMap(maps, row, id);
        addTruth(row, id);
        break;
      case 'score':
        if (!repeated) addTruth(row, id);
        addScore(repeated ? repeats : scores, row, {
          id,
          patient: sample?.patient ?? id,
          primary: primary.has(`${row.model}\n${id}`),
        });
        break;
      case 'timing':
        timings.push(row);
        break;
      case 'budget':
        budgets.push(row);
        break;
      case 'group':
        groups.push(row);
        break;
      case 'item':
        break;
    }
  };
  const model = rankOf(manifest.models);
  const method = rankOf(manifest.methods);
  const metric = rankOf(manifest.metrics);
  const byModelAndMethod = (a: { model: string; method: string }, b: { model: string; method: string }) =>
    model(a.model, b.model) || method(a.method, b.method);
  const summary = (): RunSummary => ({
    samples,
    groups,
    ...(truths.size > 0 ? { truths } : {}),
    timings: timings.sort(byModelAndMethod),
    budgets: budgets.sort(byModelAndMethod),
    maps: [...maps.values()].map(finishMap).sort(byModelAndMethod),
    ...(repeats.size > 0 ? { repeated: [...repeats.values()].map(finishScore) } : {}),
    scores: [...scores.values()]
      .map(finishScore)
      .sort((a, b) => model(a.model, b.model) || metric(a.metric, b.metric) || method(a.method, b.method)),
  });
  return { row: add, end() {}, summary };
}

/** What the reports need of rows that are at hand. */
export async function collect(manifest: Manifest, rows: AsyncIterable<Row> | Iterable<Row>): Promise<RunSummary> {
  const collector = createCollector(manifest);
  for await (const row of rows) await collector.row(row);
  return collector.summary();
}

interface CellDraft {
  readonly model: string;
  readonly method: string;
  readonly others: TallyDraft;
  readonly baselines: Set<string>;
  readonly passes: PassMeansDraft;
}

interface MapDraft extends CellDraft {
  readonly numbers: MeansDraft;
  readonly ok: Set<string>;
  readonly notes: Map<string, Set<string>>;
}

interface ScoreDraft extends CellDraft {
  readonly metric: string;
  readonly values: Map<string, number>;
  readonly chances: Map<string, number>;
  readonly swaps: Map<string, number>;
  readonly primaryOthers: TallyDraft;
  readonly saved: { forward: number; backward: number };
  readonly curve: CurveDraft;
}

const MOST_NOTES = 8;

function cell(row: { readonly model: string; readonly method: string }): CellDraft {
  return {
    model: row.model,
    method: row.method,
    others: createTally(),
    baselines: new Set(),
    passes: createPassMeans(),
  };
}

function addMap(maps: Map<string, MapDraft>, row: MapRow, id: string): void {
  const at = key(row.model, row.method);
  const draft = maps.get(at) ?? {
    ...cell(row),
    numbers: createMeans(),
    ok: new Set<string>(),
    notes: new Map<string, Set<string>>(),
  };
  maps.set(at, draft);
  if (row.baseline !== undefined) draft.baselines.add(row.baseline);
  if (row.status !== 'ok') {
    draft.others.add(row.status, row.reason);
    return;
  }
  draft.ok.add(id);
  draft.numbers.add(row.diagnostics);
  draft.passes.add(row.passes);
  for (const [name, note] of Object.entries(row.notes ?? {})) {
    const notes = draft.notes.get(name) ?? new Set();
    draft.notes.set(name, notes);
    if (notes.size < MOST_NOTES) notes.add(note);
  }
}

function addScore(
  scores: Map<string, ScoreDraft>,
  row: ScoreRow,
  { id, patient, primary }: { readonly id: string; readonly patient: string; readonly primary: boolean },
): void {
  const at = key(row.model, row.metric, row.method);
  const draft = scores.get(at) ?? {
    ...cell(row),
    metric: row.metric,
    values: new Map<string, number>(),
    chances: new Map<string, number>(),
    swaps: new Map<string, number>(),
    primaryOthers: createTally(),
    saved: { forward: 0, backward: 0 },
    curve: createCurveMean(),
  };
  scores.set(at, draft);
  if (row.baseline !== undefined) draft.baselines.add(row.baseline);
  const without = (status: Status, reason: string | undefined): void => {
    draft.others.add(status, reason);
    if (primary) draft.primaryOthers.add(status, reason);
  };
  if (row.status !== 'ok') without(row.status, row.reason);
  else if (row.value === undefined || !Number.isFinite(row.value)) without('failed', 'the value is not finite');
  else {
    draft.values.set(id, row.value);
    if (row.chance !== undefined) draft.chances.set(id, row.chance);
    if (row.details?.swap !== undefined) draft.swaps.set(id, row.details.swap);
    if (row.curve && primary) draft.curve.add(patient, row.curve);
    draft.passes.add(row.passes);
    draft.saved.forward += row.saved?.forward ?? 0;
    draft.saved.backward += row.saved?.backward ?? 0;
  }
}

function finishMap(draft: MapDraft): MapCell {
  return {
    model: draft.model,
    method: draft.method,
    ok: draft.ok,
    others: draft.others.finish(),
    baselines: [...draft.baselines].sort(),
    diagnostics: draft.numbers.finish(),
    notes: new Map([...draft.notes].map(([name, notes]) => [name, [...notes].sort()])),
    passes: draft.passes.finish(),
  };
}

function finishScore(draft: ScoreDraft): ScoreCell {
  const curve = draft.curve.finish();
  return {
    model: draft.model,
    metric: draft.metric,
    method: draft.method,
    values: draft.values,
    chances: draft.chances,
    ...(draft.swaps.size > 0 ? { swaps: draft.swaps } : {}),
    others: draft.others.finish(),
    primaryOthers: draft.primaryOthers.finish(),
    baselines: [...draft.baselines].sort(),
    passes: draft.passes.finish(),
    saved: draft.saved,
    ...(curve ? { curve } : {}),
  };
}

/** Compares ids by their place in the plan; those that are not in it come last. */
function rankOf(parts: readonly { readonly id: string }[]): (a: string, b: string) => number {
  const rank = new Map(parts.map(({ id }, i) => [id, i]));
  return (a, b) => (rank.get(a) ?? parts.length) - (rank.get(b) ?? parts.length) || compare(a, b);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function key(...parts: readonly string[]): string {
  return JSON.stringify(parts);
}
