import { planCost, weight } from '../config/cost.ts';
import type { Plan } from '../config/plan.ts';
import type { ImageCounts } from '../config/samples.ts';
import type { PassCount } from '../core/contracts/index.ts';
import { isPlain, type Row } from '../results/rows.ts';
import type { Progress } from './events.ts';

export interface ProgressMeter {
  /** A unit has ended; `known`: an earlier start did it. */
  advance(row: Row, known: boolean): Progress;
}

/** Units that cost much the same: of one model, explainer and metric. */
interface Kind {
  /** Units that have not ended yet, and what each is expected to cost. */
  remaining: number;
  readonly expected: number;
  /** Units that have ended, and what they cost together. */
  ended: number;
  cost: number;
}

/**
 * Counts units and foretells the rest from the passes that they demand: from those that units of the same kind have made,
 * once there are some, since how often points are doubled or how many channels a layer has is seen then.
 * @param now in milliseconds
 */
export function createProgress(plan: Plan, counts: ImageCounts, now: () => number): ProgressMeter {
  const kinds = new Map<string, Kind>();
  let [total, left] = [0, 0];
  const expect = (name: string, remaining: number, passes: PassCount): void => {
    const kind = { remaining, expected: weigh(passes), ended: 0, cost: 0 };
    kinds.set(name, kind);
    left += leftOf(kind);
  };
  const methods = plan.explainers.filter(e => e.explainer.role === 'method').length;
  // Rows of another seed are not counted, as all that are no plain ones.
  const again = methods * (plan.repetitions?.filter(r => r.change !== 'seed').length ?? 0);
  const units = plan.explainers.length * (1 + plan.metrics.length) + again;
  for (const { model, explainers, scores, explained } of planCost(plan, counts).models) {
    total += counts.images + explained * units;
    expect(nameOf({ model }), counts.images, PREDICTION);
    for (const [method, passes] of Object.entries(explainers)) expect(nameOf({ model, method }), explained, passes);
    for (const [method, row] of Object.entries(scores)) {
      for (const [metric, passes] of Object.entries(row)) expect(nameOf({ model, method, metric }), explained, passes);
    }
  }
  let [done, worked] = [0, 0];
  let began: number | undefined;
  return {
    advance(row, known) {
      began ??= now();
      const plain = isPlain(row);
      if (plain && row.kind !== 'group') done++;
      const kind = row.kind === 'group' ? undefined : kinds.get(nameOf(row));
      if (kind) {
        const cost = costOf(row);
        left -= leftOf(kind);
        kind.cost += cost;
        // Maps under other weights, and of another seed, are part of what an explainer's own map is expected to cost.
        if (plain || row.kind !== 'map') {
          kind.ended++;
          kind.remaining = Math.max(0, kind.remaining - 1);
        }
        left = Math.max(0, left + leftOf(kind));
        if (!known) worked += cost;
      }
      const seconds = (now() - began) / 1000;
      // A few passes say nothing yet.
      const clear = seconds > 3 && worked > 20;
      return { done, total, ...(clear ? { secondsLeft: (seconds * left) / worked } : {}) };
    },
  };
}

const PREDICTION: PassCount = { forward: 1, backward: 0 };

function nameOf({ model, method, metric }: { model: string; method?: string; metric?: string }): string {
  return JSON.stringify([model, method, metric]);
}

/** A pass's worth for what is done in JavaScript. */
function weigh(passes: PassCount | undefined): number {
  return 1 + (passes ? weight(passes) : 0);
}

function leftOf({ remaining, expected, ended, cost }: Kind): number {
  return remaining * (ended > 0 ? cost / ended : expected);
}

/** What a unit made, without what it took from others. */
function costOf(row: Row): number {
  if (row.kind === 'sample') return weigh(PREDICTION);
  const own = weigh('passes' in row ? row.passes : undefined);
  if (row.kind !== 'score' && row.kind !== 'item') return own;
  const { saved, explaining } = row;
  return own - (saved ? weight(saved) : 0) + (explaining ? weight(explaining) : 0);
}
