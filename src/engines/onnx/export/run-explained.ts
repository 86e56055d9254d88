import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import { sizeOf, type Tensor } from '../../../core/tensor.ts';
import { imageDims, toChannelsFirst } from '../../shared/images.ts';
import type { ExplainedModel } from './explained-model.ts';

/** What an exported file gives out for images [h, w, c], run at once as far as its batch allows. */
export async function runExplained(
  { bytes, input, scores, map, batch }: ExplainedModel,
  images: readonly Tensor[],
  layout: 'NCHW' | 'NHWC',
): Promise<readonly { readonly scores: Float32Array; readonly map: Float32Array }[]> {
  const session = await InferenceSession.create(bytes, { logSeverityLevel: 3 });
  try {
    const results = [];
    const step = batch === 'any' ? images.length : batch;
    for (let first = 0; first < images.length; first += step) {
      const part = Array.from({ length: step }, (_, i) => images[Math.min(first + i, images.length - 1)]!);
      const given = await session.run({ [input]: fed(part, layout) });
      for (let i = 0; i < Math.min(step, images.length - first); i++) {
        const of = (name: string) => {
          const { data } = given[name]!;
          const each = data.length / step;
          return (data as Float32Array).slice(i * each, (i + 1) * each);
        };
        results.push({ scores: of(scores), map: of(map) });
      }
    }
    return results;
  } finally {
    await session.release();
  }
}

function fed(images: readonly Tensor[], layout: 'NCHW' | 'NHWC'): OrtTensor {
  const [h = 1, w = 1, c = 1] = images[0]!.shape;
  const size = sizeOf(images[0]!.shape);
  const data = new Float32Array(images.length * size);
  images.forEach((image, i) => {
    const to = data.subarray(i * size, (i + 1) * size);
    if (layout === 'NCHW') toChannelsFirst(image.data, to, h * w, c);
    else to.set(image.data);
  });
  return new OrtTensor('float32', data, [images.length, ...imageDims({ size: [h, w], channels: c, layout })]);
}
