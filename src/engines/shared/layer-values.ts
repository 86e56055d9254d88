import { CtXaiError } from '../../core/errors.ts';
import { sizeOf, type Tensor, tensor } from '../../core/tensor.ts';
import { imageOf } from './images.ts';
import type { Layer } from './layer-map.ts';

/** How one image's values of a layer lie in the graph. */
export function layoutOf(layer: Layer): Parameters<typeof imageOf>[2] {
  const channels = layer.layout ? layer.shape.at(-1)! : 1;
  return { pixels: sizeOf(layer.shape) / channels, channels, layout: layer.layout ?? 'NHWC' };
}

/** Takes a layer's values image by image, in the graph's order of axes, into a tensor [n, …], channels last. */
export interface LayerCollector {
  readonly tensor: Tensor;
  put(i: number, values: Float32Array): void;
}

export function layerCollector(layer: Layer, count: number): LayerCollector {
  const all = tensor([count, ...layer.shape]);
  const layout = layoutOf(layer);
  const size = sizeOf(layer.shape);
  const { skipped = 0 } = layer;
  const scratch = new Float32Array(size);
  return {
    tensor: all,
    put(i, values) {
      if (values.length !== skipped + size) {
        throw new CtXaiError(
          'LAYER',
          `layer '${layer.name}' has ${values.length} values per image, not the ${skipped + size} of its shape [${layer.shape}].`,
          { hint: 'Choose a layer whose first axis counts images.' },
        );
      }
      all.data.set(imageOf(values.subarray(skipped), 0, layout, scratch), i * size);
    },
  };
}
