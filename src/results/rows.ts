import type {
  AttributionKind,
  Curve,
  DeviceReport,
  EarlierAudit,
  Json,
  Runtime,
  Status,
} from '../core/contracts/index.ts';
import type { ValueDoubt } from '../core/image/doubts.ts';

/**
 * The run folder's rows, format version 1. The journal `results.jsonl` is one row per line, appended as units of work
 * end; a unit that stands in it is never done again. Tables are rebuilt from it in plan order.
 */
export const FORMAT_VERSION = 1;

export interface Passes {
  /** Images sent forward, as demanded by the method (nothing saved by sharing is subtracted). */
  readonly forward: number;
  readonly backward: number;
}

interface Outcome {
  /** The key of the job whose result this is. */
  readonly job?: string;
  readonly status: Status;
  /** Why, unless `ok`. */
  readonly reason?: string;
}

/** What a model says of an image. One per model × sample. */
export interface SampleRow extends Outcome {
  readonly kind: 'sample';
  readonly model: string;
  readonly sample: string;
  /** Position in the data, from 0: the order of tables. */
  readonly index: number;
  readonly source: string;
  readonly patient: string;
  /** The model's class that the data's label maps to. */
  readonly label?: string;
  /** What the data say of each finding, where findings do not exclude each other. */
  readonly findings?: Readonly<Record<string, boolean>>;
  /** [h, w] as read. */
  readonly size?: readonly number[];
  /** What is odd about its values as read. */
  readonly doubt?: ValueDoubt;
  readonly predicted?: string;
  /** Of all classes, in the model's order. */
  readonly probabilities?: readonly number[];
  /** The class explained and its probability. */
  readonly target?: string;
  readonly targetProbability?: number;
  /** Of a regression, in place of probabilities: all its values, the one explained, and what the data say of it. */
  readonly values?: readonly number[];
  readonly targetValue?: number;
  readonly referenceValue?: number;
  readonly hasMask?: boolean;
  /** Whether the model recognised what the label says, seen from the positive class; absent without a label. */
  readonly outcome?: 'true-positive' | 'false-negative' | 'true-negative' | 'false-positive';
  /** Subgroups that the data puts the sample in, by column. */
  readonly groups?: Readonly<Record<string, string>>;
  readonly exam?: string;
  /** Path in the run folder of the 8-bit view on the model's grid (uint8 [h, w]), / separated. */
  readonly view?: string;
  /** Path of the image in its own unit (int16 [h, w]): whole HU, or grey levels in hundredths. */
  readonly slice?: string;
  /** What the slice's values are, and the ends of the card's window in them. */
  readonly intensity?: { readonly unit: 'HU' | 'grey'; readonly window: readonly [number, number] };
  /** Path of the mask on the model's grid (uint8 [h, w] of 0 and 1). */
  readonly mask?: string;
}

/** What tells a unit under other weights, of another version of the sample, or with other random numbers. */
interface Variants {
  /** Absent: the original weights. */
  readonly modelVariant?: string;
  /** Absent: the sample itself. */
  readonly sampleVariant?: string;
  /** Absent: 0. */
  readonly replicate?: number;
}

/** One map. One per model × sample × explainer, and one for each variant that a metric needs. */
export interface MapRow extends Outcome, Variants {
  readonly kind: 'map';
  readonly model: string;
  readonly sample: string;
  /** The explainer's id in the suite. */
  readonly method: string;
  readonly target?: string;
  readonly baseline?: string;
  /** Path in the run folder, / separated. */
  readonly file?: string;
  /** Paths of the arrays that belong to the map. */
  readonly files?: Readonly<Partial<Record<'standardErrors' | 'regions' | 'layerMap', string>>>;
  /** The class that the model predicts under other weights, where they are those of another training. */
  readonly predicted?: string;
  readonly passes?: Passes;
  readonly diagnostics?: Readonly<Record<string, number>>;
  readonly notes?: Readonly<Record<string, string>>;
}

/** One value. One per model × sample × explainer × metric. */
export interface ScoreRow extends Outcome, Variants {
  readonly kind: 'score';
  readonly model: string;
  readonly sample: string;
  readonly method: string;
  /** The metric's id in the suite. */
  readonly metric: string;
  readonly target?: string;
  readonly baseline?: string;
  readonly value?: number;
  /** Estimated error of the value, where fewer points or draws were spent than its definition has. */
  readonly error?: number;
  /** What a map that knows nothing scores on this image, where that depends on the image. */
  readonly chance?: number;
  readonly details?: Readonly<Record<string, number>>;
  readonly curve?: Curve;
  /** What the classifier saw along the curve: frame 0 is the image or the baseline, the last one the other. */
  readonly film?: {
    readonly from: 'image' | 'baseline';
    /** Its points are the frames; absent: the row's own curve is. */
    readonly curve?: Curve;
    /**
     * Path of uint8 [2, h, w]: the frame, from 1, that changes each pixel; the baseline in 255ths of the window. With a
     * filler [2 + frames, h, w]: then each frame as it was, in the same unit.
     */
    readonly file?: string;
  };
  readonly passes?: Passes;
  /** Of `passes`: taken from another unit of the same image and model, and not run again. Absent where none. */
  readonly saved?: Passes;
  /** Spent on explaining other images, apart from `passes`. Absent where none. */
  readonly explaining?: Passes;
}

/** What a group metric read of one map. One per model × sample × explainer × group metric. */
export interface ItemRow extends Outcome, Variants {
  readonly kind: 'item';
  readonly model: string;
  readonly sample: string;
  readonly method: string;
  readonly metric: string;
  readonly target?: string;
  readonly baseline?: string;
  readonly item?: Json;
  readonly passes?: Passes;
  readonly saved?: Passes;
  readonly explaining?: Passes;
}

/** The value of a group metric. One per model × explainer × group metric. */
export interface GroupRow extends Outcome {
  readonly kind: 'group';
  readonly model: string;
  readonly method: string;
  readonly metric: string;
  readonly baseline?: string;
  readonly value?: number;
  /** What maps that know nothing score on this group. */
  readonly chance?: number;
  readonly details?: Readonly<Record<string, number>>;
  /** Maps that it was taken of. */
  readonly maps: number;
}

/** One measurement of the timing phase. One per model × explainer × device. */
export interface TimingRow extends Outcome {
  readonly kind: 'timing';
  readonly model: string;
  readonly engine: string;
  readonly device: string;
  /** What the driver calls it. */
  readonly deviceName?: string;
  /** The device as the suite's `timing.devices` names it; absent where it is the run's own. */
  readonly asked?: string;
  readonly method: string;
  /** Repeats measured, after warm-up. */
  readonly samples: number;
  readonly wallMs?: {
    readonly mean: number;
    /** Absent for one repeat. */
    readonly sd?: number;
    readonly p50: number;
    /** Absent where `samples` is too small to carry it. */
    readonly p95?: number;
    readonly min: number;
    /** Quartiles; absent with fewer than four repeats. */
    readonly q1?: number;
    readonly q3?: number;
  };
  /** Every repeat in the order in which they ran: the image's place among those timed, and its wall time. */
  readonly calls?: readonly (readonly [image: number, wallMs: number])[];
  /** Loading the model and compiling its forward graph; of the model that the first call ran on. */
  readonly openMs?: number;
  /** The first, unwarmed call: compilation included. */
  readonly firstMs?: number;
  /** User + system time of the process (workers included), per explanation. */
  readonly cpuMs?: number;
  /**
   * Only where a device clock was read; never wall time under another name. `p50`: median time in which the device
   * worked at all; `sumP50`: of all kernels' times added up. Of `samples` calls made apart from those that `wallMs` is
   * of, since reading the clock slows a device down; on the CPU of the same calls. `wallP50`: those calls' wall time.
   */
  readonly deviceMs?: {
    readonly p50: number;
    readonly sumP50?: number;
    readonly samples?: number;
    readonly wallP50?: number;
  };
  readonly deviceTimeSource?: string;
  /** Median time in which the main thread was active: JavaScript and what it calls without waiting. */
  readonly jsMs?: number;
  /** Median time of copies between host and device, by the device's clock. */
  readonly transferMs?: number;
  /** Most memory in use on the device, MiB. */
  readonly deviceMemoryMb?: number;
  /** Mean energy of one call, joules, and what it was read from. */
  readonly energyJ?: number;
  readonly energySource?: string;
  /** Mean over the repeats. */
  readonly passes?: Passes;
  /** Highest resident memory of the whole process during a call, MiB. */
  readonly peakRssMb?: number;
  /** Operators that ran on another device than the one asked for, by type, over all graphs used. */
  readonly elsewhere?: Readonly<Record<string, number>>;
  /** The machine during the phase: cores that other processes kept busy, of how many, and the clock at both ends. */
  readonly machine?: {
    readonly othersCores?: number;
    readonly cores: number;
    readonly clockMhz?: readonly [number, number];
  };
  /** Why this timing is not to be relied on; absent where nothing speaks against it. */
  readonly unstable?: readonly string[];
  /** What the method does that timings must know: it waits, it remembers, it leaves work behind. */
  readonly remarks?: readonly string[];
  /** Why a quantity is absent, by its column. */
  readonly absent?: Readonly<Record<string, string>>;
}

/** One explanation at one budget of passes, scored. One per model × explainer × budget × image. */
export interface BudgetRow extends Outcome {
  readonly kind: 'budget';
  readonly model: string;
  readonly sample: string;
  readonly patient: string;
  readonly method: string;
  /** Passes that it may spend; absent: what the method costs is not a choice. */
  readonly budget?: number;
  /** The options that spend it. */
  readonly options?: Readonly<Record<string, unknown>>;
  readonly passes?: Passes;
  /** Of this one explanation, the method warmed up. */
  readonly wallMs?: number;
  /** By metric. */
  readonly values?: Readonly<Record<string, number>>;
  /** Why a metric has no value. */
  readonly without?: Readonly<Record<string, string>>;
  /** Rank correlation of the map with itself, under another seed or at the largest budget. */
  readonly self?: { readonly with: 'seed' | 'largest'; readonly correlation: number };
}

export type Row = SampleRow | MapRow | ScoreRow | ItemRow | GroupRow | TimingRow | BudgetRow;

/** `manifest.json`. */
export interface Manifest {
  readonly formatVersion: number;
  readonly name: string;
  /** Of everything that decides the rows; a folder resumes only the plan with the same digest. */
  readonly planDigest: string;
  /** `running`: started and not ended (or killed). */
  readonly state: 'running' | 'complete' | 'interrupted';
  readonly command: string;
  readonly suite: unknown;
  readonly seed: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly hardware: { readonly cpu: string; readonly cores: number; readonly memoryGb: number; readonly os: string };
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly resumed: number;
  /** Which part of the plan's images the folder holds; absent: all. `ct-xai merge` puts the parts together. */
  readonly shard?: { readonly index: number; readonly of: number };
  /** The queue that the run's jobs go through, by `--queue`. */
  readonly queue?: {
    readonly id: string;
    /** Nothing of it is in the queue any more. */
    readonly ended?: boolean;
  };
  readonly dataset: {
    readonly name: string;
    readonly digest: string;
    readonly count: number;
    /** Images that are explained, summed over the models; absent: all of them. */
    readonly explained?: number;
    readonly labels: readonly string[];
    /** Names of findings that the data have a column for. */
    readonly findings?: readonly string[];
  };
  readonly models: readonly {
    readonly id: string;
    readonly digest: string;
    readonly classes: readonly string[];
    readonly task: string;
    /** The class that counts as positive. */
    readonly positive?: string;
    /** Trainings of one recipe have the same. */
    readonly group?: string;
    /** Findings: the probability from which on one counts as predicted; see the card. */
    readonly threshold?: number | Readonly<Record<string, number>>;
    /** Of a regression: the unit of its values. */
    readonly measure?: string;
    /** By metric id: what the audit beside the model says of the metric, on data with a known truth. */
    readonly audits?: Readonly<Record<string, EarlierAudit>>;
    readonly runtime?: Runtime;
  }[];
  readonly methods: readonly {
    readonly id: string;
    readonly name: string;
    readonly title: string;
    readonly cite: string;
    readonly kind: AttributionKind;
    readonly role: 'method' | 'control';
    readonly of?: string;
    readonly baseline?: string;
    readonly options: unknown;
  }[];
  readonly metrics: readonly {
    readonly id: string;
    readonly name: string;
    readonly title: string;
    readonly cite: string;
    readonly category: string;
    readonly better: 'higher' | 'lower';
    readonly range: readonly [number | null, number | null];
    readonly chance?: number | 'image';
    readonly rankable?: boolean;
    readonly scope?: 'map' | 'group';
    readonly baseline?: string;
    readonly options: unknown;
  }[];
  /** Metrics repeated with one thing changed, whose rows bear this id; absent: none. */
  readonly repetitions?: readonly {
    readonly id: string;
    /** Id of the metric that is repeated. */
    readonly of: string;
    /** The metric's random numbers (orders of ties, draws), the explainer's seed, the baseline, or how many steps. */
    readonly change: 'ties' | 'seed' | 'baseline' | 'steps';
    readonly baseline?: string;
    readonly options: unknown;
  }[];
  readonly target: string;
  /** Patients that metrics are audited by, and explainers are not ranked by; absent: none. */
  readonly auditPatients?: readonly string[];
  /** What the suite declared of the analysis before the run; absent in runs of earlier versions. */
  readonly analysis?: {
    /** Ids of the metrics whose mean is the primary one. Absent: chosen by the report. */
    readonly primary?: readonly string[];
    /** Smallest effect of interest, of all metrics or by metric id, in the metric's units. */
    readonly smallest?: number | Readonly<Record<string, number>>;
    /** The explainer that all are tested against where they are too many for all pairs. */
    readonly reference?: string;
    /** 'outcome', and columns of the data. */
    readonly strata: readonly string[];
    /** Share of the images that an explainer must have values for, to be ranked. */
    readonly least: number;
    /** Whether it was declared otherwise when the run began. */
    readonly changed?: boolean;
  };
  readonly counts?: Readonly<Record<Row['kind'], Readonly<Partial<Record<Status, number>>>>>;
  readonly devices?: readonly DeviceReport[];
}

/** What names a unit of work. */
export type UnitNames =
  | Pick<SampleRow, 'kind' | 'model' | 'sample'>
  | (Pick<MapRow, 'kind' | 'model' | 'sample' | 'method'> & Variants)
  | (Pick<ScoreRow, 'kind' | 'model' | 'sample' | 'method' | 'metric'> & Variants)
  | (Pick<ItemRow, 'kind' | 'model' | 'sample' | 'method' | 'metric'> & Variants)
  | Pick<GroupRow, 'kind' | 'model' | 'method' | 'metric'>
  | Pick<TimingRow, 'kind' | 'model' | 'method' | 'asked'>
  | Pick<BudgetRow, 'kind' | 'model' | 'sample' | 'method' | 'budget'>;

/** The unit of work a row closes, as a key. */
export function unitOf(row: UnitNames): string {
  switch (row.kind) {
    case 'sample':
      return JSON.stringify(['sample', row.model, row.sample]);
    case 'map':
      return JSON.stringify(['map', row.model, row.sample, row.method, ...variantNames(row)]);
    case 'score':
      return JSON.stringify(['score', row.model, row.sample, row.method, row.metric, ...variantNames(row)]);
    case 'item':
      return JSON.stringify(['item', row.model, row.sample, row.method, row.metric, ...variantNames(row)]);
    case 'group':
      return JSON.stringify(['group', row.model, row.method, row.metric]);
    case 'timing':
      return JSON.stringify(['timing', row.model, row.method, ...(row.asked === undefined ? [] : [row.asked])]);
    case 'budget':
      return JSON.stringify(['budget', row.model, row.method, row.budget ?? null, row.sample]);
  }
}

/** Nothing for the plain unit, so that its key is what it always was. */
function variantNames({ modelVariant, sampleVariant, replicate }: Variants): readonly (string | number)[] {
  if (modelVariant === undefined && sampleVariant === undefined && replicate === undefined) return [];
  return [modelVariant ?? 'original', sampleVariant ?? 'original', replicate ?? 0];
}

/** Whether a row is of the original weights, the sample itself and the first random numbers: what tables show. */
export function isPlain(row: Row): boolean {
  if (row.kind !== 'map' && row.kind !== 'score' && row.kind !== 'item') return true;
  return variantNames(row).length === 0;
}
