import type { PlaceboEffects } from '../../core/contracts/index.ts';
import type { Rng } from '../../core/rng.ts';
import type { Summary } from '../../core/statistics/summary.ts';
import type { Manifest } from '../../results/rows.ts';
import type { RunSummary } from '../summary/collect.ts';
import { isPositive } from '../summary/primary.ts';
import type { ImageTruth } from '../summary/truths.ts';
import type { Answered, MethodEntry, ModelEntry, Stratum } from './analysis.ts';
import { MOST_INTERACTION } from './outcome-strata.ts';
import { patientMean, patientSd, summaryOf, type ValuesByImage } from './pairwise.ts';

/** Patients that the spread of the log-odds without factors is told from. */
const LEAST_PATIENTS = 8;

/** What is known by intervention of a model's images, and how far that accounts for its scores. */
export interface TruthAnalysis {
  /** Images of positive patients whose effects are known, those of the audit among them. */
  readonly images: number;
  readonly patients: number;
  /** Effects up to this size are not told from none. */
  readonly threshold: number;
  /** What the threshold rests on: it is the upper bound of their 99th percentile; absent: it is a convention. */
  readonly placebos?: PlaceboEffects;
  /** Means over patients. */
  readonly interaction: number;
  readonly interactionIndex: number;
  readonly totalEffect: number;
  readonly covered: number;
  /** Of `totalEffect`, what factors do that are everywhere in the image; no map is scored on them. */
  readonly nonLocalEffect: number;
  /** Images in which a lesion moves the score by more than the threshold; 0: the model ignores the lesions. */
  readonly lesionsUsed: number;
  /** Images whose effects interact too much for any map that adds up. */
  readonly interacting: number;
  /** SD over patients of the log-odds without any factor; absent with too few patients. */
  readonly backgroundSd?: number;
  /** The rest of the image moves the score by more than half of what the factors do: the truth is incomplete. */
  readonly incomplete?: boolean;
  readonly swaps: readonly ModelSwap[];
}

/** How much better maps are by their own model's truth than by another model's. */
export interface ModelSwap {
  readonly metric: string;
  readonly method: MethodEntry;
  /** On this model; range −1 … 1. */
  readonly own: Summary;
  /** The mean over both models of the run, where there are two: exactly 0 for a map that does not look at the model. */
  readonly both?: Summary;
}

interface TruthContext {
  readonly manifest: Manifest;
  readonly summary: RunSummary;
  readonly model: ModelEntry;
  readonly answered: Answered;
  readonly primary: Stratum;
  readonly rng: Rng;
}

/** Undefined where nothing is known by intervention. */
export function truthAnalysisOf(context: TruthContext): TruthAnalysis | undefined {
  const { manifest, summary, model, answered } = context;
  const known = [...(summary.truths?.get(model.id) ?? [])].filter(([sample]) => {
    const row = answered.get(sample);
    return row !== undefined && isPositive(manifest, row);
  });
  if (known.length === 0) return undefined;
  const only = new Set(known.map(([sample]) => sample));
  const of = (name: Exclude<keyof ImageTruth, 'placebos'>): ValuesByImage =>
    new Map(known.map(([sample, truth]) => [sample, truth[name]]));
  const mean = (name: Parameters<typeof of>[0]) => patientMean(of(name), answered, only)!;
  const patients = new Set(known.map(([sample]) => answered.get(sample)!.patient)).size;
  const sd = patients >= LEAST_PATIENTS ? patientSd(of('background'), answered, only) : undefined;
  const totalEffect = mean('totalEffect');
  const placebos = known[0]![1].placebos;
  return {
    images: known.length,
    patients,
    threshold: Math.max(...of('threshold').values()),
    ...(placebos && { placebos }),
    ...{ interaction: mean('interaction'), interactionIndex: mean('interactionIndex') },
    ...{ totalEffect, covered: mean('covered'), nonLocalEffect: mean('nonLocalEffect') },
    lesionsUsed: known.filter(([, t]) => t.lesionEffect > t.threshold).length,
    interacting: known.filter(([, { interaction }]) => interaction > MOST_INTERACTION).length,
    ...(sd === undefined ? {} : { backgroundSd: sd, incomplete: sd > totalEffect / 2 }),
    swaps: swapsOf(context),
  };
}

function swapsOf({ manifest, summary, model, answered, primary, rng }: TruthContext): ModelSwap[] {
  const partner = manifest.models.length === 2 ? manifest.models.find(m => m.id !== model.id)! : undefined;
  return summary.scores.flatMap(({ model: of, metric, method, swaps }) => {
    const entry = manifest.methods.find(m => m.id === method);
    if (of !== model.id || !swaps || !entry || entry.of !== undefined) return [];
    const summarised = (values: ValuesByImage, label: string) =>
      summaryOf(values, answered, rng.fork('swap', metric, method, label), {
        only: primary.samples,
        range: [-1, 1],
      });
    const own = summarised(swaps, 'own');
    if (!own) return [];
    const theirs =
      partner && summary.scores.find(c => c.model === partner.id && c.metric === metric && c.method === method)?.swaps;
    const both = theirs && summarised(meanOf(swaps, theirs), 'both');
    return [{ metric, method: entry, own, ...(both ? { both } : {}) }];
  });
}

/** Of images that both have. */
function meanOf(a: ValuesByImage, b: ValuesByImage): ValuesByImage {
  return new Map([...a].flatMap(([sample, v]) => (b.has(sample) ? [[sample, (v + b.get(sample)!) / 2] as const] : [])));
}
