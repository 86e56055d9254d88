import type { Collected, MetricContext, Score, Undefined } from '../../../core/contracts/index.ts';
import { undefinedBecause } from '../../../core/contracts/index.ts';
import { fingerprint } from '../../../core/fingerprint.ts';
import { predicts } from '../../../core/predicts.ts';

/** Stands for a finding that is not there. */
const NONE = -1;

/** The class that the model predicts for the image, or whether the finding explained is there: one shared pass. */
export async function predictedClass(context: MetricContext<unknown>): Promise<number> {
  const { image, model, target, signal } = context;
  const scores = await context.memo(`scores/margin/${fingerprint(image)}`, async () => {
    const batch = { count: 1, write: (_: number, out: Float32Array) => out.set(image.data) };
    return [...(await model.scores(batch, { as: 'margin', signal })).data];
  });
  if (model.independent) return predicts(model, scores, target.class) ? target.class : NONE;
  return scores.indexOf(Math.max(...scores));
}

/**
 * Over the maps that have peers (other patients' maps that `alike` calls like them): the mean, over patients, of the
 * share of the peers whose image is predicted to be of the same class. By chance: that share of all other patients'
 * maps.
 */
export function agreementOfPeers<I extends { readonly predicted: number }>(
  items: readonly (Collected & { readonly item: I })[],
  alike: (a: I, b: I) => boolean,
): Score | Undefined {
  const found = items.flatMap(one => {
    const others = items.filter(other => other.patient !== one.patient);
    const peers = others.filter(other => alike(one.item, other.item));
    const same = (list: typeof items) =>
      list.filter(other => other.item.predicted === one.item.predicted).length / list.length;
    return peers.length === 0 ? [] : [{ patient: one.patient, share: same(peers), chance: same(others) }];
  });
  if (new Set(items.map(i => i.patient)).size < 2) return undefinedBecause('there are no maps of two patients');
  if (new Set(items.map(i => i.item.predicted)).size < 2) {
    return undefinedBecause('all images are predicted to be of one class, so that all maps agree');
  }
  if (found.length === 0) return undefinedBecause('no two patients have maps that are alike');
  const overPatients = (value: (f: (typeof found)[number]) => number): number => {
    const patients = [...new Set(found.map(f => f.patient))];
    const means = patients.map(p => mean(found.filter(f => f.patient === p).map(value)));
    return mean(means);
  };
  return {
    value: overPatients(f => f.share),
    chance: overPatients(f => f.chance),
    details: { maps: found.length, withoutPeers: items.length - found.length },
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}
