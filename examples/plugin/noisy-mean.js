import { defineExplainer, definePlugin, isUndefined, tensor } from 'ct-xai-bench';

/** The mean of another explainer's maps of noisy copies of the image, as SmoothGrad does for gradients. */
const noisyMean = defineExplainer({
  name: 'noisy-mean',
  title: 'Mean over noisy copies',
  cite: 'after Smilkov et al. 2017, arXiv:1706.03825',
  kind: 'ranking',
  wraps: 'saliency', // a suite may name another: { use: noisy-mean, of: input-x-gradient }
  cost: (_options, _model, inner) => ({ forward: 8 * inner.forward, backward: 8 * inner.backward }),
  async explain({ image, inner, rng }) {
    const map = tensor(image.shape.slice(0, -1));
    for (let draw = 0; draw < 8; draw++) {
      const noisy = tensor(
        image.shape,
        image.data.map(v => v + 0.1 * rng.normal()),
      );
      const found = await inner(noisy);
      if (isUndefined(found)) return found;
      for (const [i, v] of found.map.data.entries()) map.data[i] += v / 8;
    }
    return { map };
  },
});

export default definePlugin({ name: 'noisy-mean', explainers: [noisyMean] });
