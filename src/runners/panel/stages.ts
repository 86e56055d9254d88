import type { Activations, Batch, LayerInfo, LayerValues } from '../../core/contracts/index.ts';

/** The last layer of each size that has pixels: what a network knows at each of its resolutions. */
export function stagesOf(layers: readonly LayerInfo[]): string[] {
  const last = new Map<string, string>();
  for (const { name, shape, spatial } of layers) if (spatial) last.set(shape.slice(0, -1).join(' '), name);
  return [...last.values()];
}

/** The mean of each channel of a layer, for each image. */
function pooled({ activations: { shape, data } }: LayerValues): Float64Array[] {
  const [count, channels] = [shape[0]!, shape.at(-1)!];
  const places = data.length / count / channels;
  return Array.from({ length: count }, (_, n) => {
    const means = new Float64Array(channels);
    for (let i = 0; i < places * channels; i++) means[i % channels]! += data[n * places * channels + i]! / places;
    return means;
  });
}

/** What each stage knows of each image: [stage][image], the channels' means. */
export async function stageFeatures(
  model: Activations,
  batch: Batch,
  stages: readonly string[],
  signal: AbortSignal,
): Promise<Float64Array[][]> {
  return (await model.activations(batch, stages, { signal })).map(pooled);
}
