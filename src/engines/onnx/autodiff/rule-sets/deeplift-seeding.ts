import { DType } from '../../graph/graph.ts';
import { Emitter } from '../emit.ts';
import { logSlope, logSumExp } from './deeplift-sums.ts';
import { slope } from './differences.ts';
import { byScore, type Seeding, type SeedParts } from './seeding.ts';

type Pair = readonly [string, string];

/**
 * Multipliers of the score: Σ m·(z − z′) over the outputs is its difference. The logit is linear; the margin
 * z_t − log Σ_{c≠t} e^{z_c} is made of exponentials, a sum and a logarithm, and the probability is σ(margin). One sigmoid
 * unit z, s = ±1: s·z, and σ(s·z). Where outputs are probabilities already, their margin is made of logarithms.
 */
export const deepliftSeeding: Seeding = (b, parts) => {
  if (parts.task === 'regression') return parts.target;
  const e = new Emitter(b, DType.float);
  const made = parts.task === 'softmax' ? classes(e, parts) : sigmoidUnit(e, parts);
  return byScore(b, parts, made);
};

type ByScore = { readonly logit: string; readonly margin: string; readonly probability: string };

const LAST = [-1];

function classes(e: Emitter, { target, scores, reference, probabilities }: SeedParts): ByScore {
  const z: Pair = [scores, reference!];
  const others = e.sub(e.constant([1], [1]), target);
  const sumOf = (values: Pair, mask: string): Pair => [
    e.sum(e.mul(mask, values[0]), LAST),
    e.sum(e.mul(mask, values[1]), LAST),
  ];
  if (probabilities) {
    const slopes = (mask: string) => e.mul(mask, logSlope(e, sumOf(z, mask)));
    return { logit: target, margin: e.sub(slopes(target), slopes(others)), probability: target };
  }
  const own = (name: string) => e.sum(e.mul(target, name), LAST);
  // The others alone: the class itself must not set the scale of their exponentials.
  const away = e.mul(target, -1e30);
  const { values, slopes } = logSumExp(e, [e.add(z[0], away), e.add(z[1], away)], LAST);
  const margin = e.sub(target, e.mul(others, slopes));
  const margins: Pair = [e.sub(own(z[0]), values[0]), e.sub(own(z[1]), values[1])];
  return { logit: target, margin, probability: e.mul(margin, sigmoidSlope(e, margins)) };
}

/** Δσ(s)/Δs */
function sigmoidSlope(e: Emitter, s: Pair): string {
  const p: Pair = [e.op('Sigmoid', [s[0]]), e.op('Sigmoid', [s[1]])];
  return slope(e, s, p, e.mul(p[0], e.sub(1, p[0])));
}

function sigmoidUnit(e: Emitter, { target, scores, reference, probabilities }: SeedParts): ByScore {
  const z: Pair = [scores, reference!];
  const times = (name: string) => e.mul(target, name);
  if (probabilities) {
    const odds = (p: string) => e.sub(e.log(p), e.log(e.sub(1, p)));
    const derivative = e.div(1, e.mul(z[0], e.sub(1, z[0])));
    return { logit: target, margin: times(slope(e, z, [odds(z[0]), odds(z[1])], derivative)), probability: target };
  }
  return { logit: target, margin: target, probability: times(sigmoidSlope(e, z)) };
}
