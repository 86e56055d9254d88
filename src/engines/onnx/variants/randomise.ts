import { createRng, type Rng } from '../../../core/rng.ts';
import { type Constant, constant } from '../graph/graph.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { type ChannelAffine, fitted, type RunImages, spreadsOf } from './calibrate.ts';
import { ConstantChanges } from './change-constants.ts';
import { type LinearSite, type RedrawStep, type StoredParameter, stepsOf } from './sites.ts';

/**
 * The model with its parameters redrawn from the scores down to a share of its depth (Adebayo et al. 2018, cascading).
 *
 * The depth is counted in linear layers; a layer is redrawn together with the normalisations and embeddings behind it.
 * Weights are normal with variance 1/inputs, biases 0, scales 1. A trained network without its normalisation, as exports
 * have it, is dead with such weights. Each redrawn layer is therefore scaled and shifted, channel by channel, so that
 * over `run`'s images all its channels have the mean and the standard deviation that the original layer has over all
 * channels. Running statistics of a batch normalisation stay as they are.
 *
 * @param depth 0: nothing is redrawn, 1: all. A layer's draws depend on the seed and its place only, so that a larger
 * depth redraws more layers, not others.
 */
export async function randomised(
  model: NormalisedModel,
  { depth, seed }: { readonly depth: number; readonly seed: number },
  run: RunImages,
): Promise<NormalisedModel> {
  const all = stepsOf(model);
  // 0.1 · 30 is a little more than 3.
  const count = Math.min(all.length, Math.ceil(depth * all.length - 1e-9));
  if (count === 0) return model;
  const steps = all.slice(all.length - count);
  const rng = createRng('randomised weights').fork(seed);
  const changes = new ConstantChanges(model);
  for (const [i, step] of steps.entries()) redraw(step, changes, rng.fork(count - i));
  const sites = steps.flatMap(step => step.sites);
  const spreads = await spreadsOf(model, sites, run);
  for (const [k, affine] of (await fitted(changes.applied(), sites, spreads, run)).entries()) {
    fold(sites[k]!, affine, changes);
  }
  return changes.applied();
}

function redraw({ sites, others }: RedrawStep, changes: ConstantChanges, rng: Rng): void {
  for (const site of sites) {
    const { dims, data } = changes.get(site.weight)!;
    const deviation = Math.sqrt(1 / site.fanIn);
    const draw = site.kind === 'linear' ? () => rng.normal() * deviation : () => 1;
    changes.set(site.weight, constant.float(dims, Float32Array.from({ length: data.length }, draw)));
    if (site.bias)
      changes.set(
        site.bias,
        biasOf(site, changes, () => 0),
      );
  }
  for (const parameter of others) changes.set(parameter, likeItself(changes.get(parameter)!, rng));
}

/** Values of a site's bias, in the shape that it has, or that it gets where it has none. */
function biasOf(site: LinearSite, changes: ConstantChanges, value: (channel: number) => number): Constant {
  const known = changes.get(site.bias!);
  const channels = channelsOf(site, changes.get(site.weight)!);
  const dims = known && known.data.length === channels ? known.dims : [channels];
  return constant.float(
    dims,
    Float32Array.from({ length: channels }, (_, c) => value(c)),
  );
}

function channelsOf(site: LinearSite, weight: Constant): number {
  return site.channelOf(weight.data.length - 1) + 1;
}

/** Normal values with the mean and standard deviation of a parameter's own. */
function likeItself({ dims, data }: Constant, rng: Rng): Constant {
  const values = Array.from(data as Float32Array);
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  return constant.float(
    dims,
    values.map(() => mean + deviation * rng.normal()),
  );
}

/** Scale and shift become part of the weights and the bias. */
function fold(site: LinearSite, { scale, shift }: ChannelAffine, changes: ConstantChanges): void {
  const { dims, data } = changes.get(site.weight)!;
  const scaled = Float32Array.from(data as Float32Array, (v, i) => v * scale[site.channelOf(i)]!);
  changes.set(site.weight, constant.float(dims, scaled));
  const beta = betaOf(site.bias);
  if (site.bias)
    changes.set(
      site.bias,
      biasOf(site, changes, c => shift[c]! / beta),
    );
}

/** Gemm multiplies its bias. */
function betaOf(bias: StoredParameter | undefined): number {
  const beta = bias?.node.op === 'Gemm' ? bias.node.attrs.beta : undefined;
  return beta?.type === 'float' ? beta.value : 1;
}
