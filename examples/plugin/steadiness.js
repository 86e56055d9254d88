import { defineMetric, definePlugin, isUndefined, tensor, undefinedBecause } from 'ct-xai-bench';

/** Cosine between the map and the same explainer's map of a slightly noisy image; 1: it does not move. */
const steadiness = defineMetric({
  name: 'steadiness',
  title: 'Steadiness under noise',
  cite: 'after Yeh et al. 2019, arXiv:1901.09392',
  category: 'robustness',
  better: 'higher',
  range: [-1, 1],
  needs: ['explain'],
  cost: (_options, _model, explanation) => explanation,
  async evaluate({ image, attribution, explain, rng }) {
    const noisy = tensor(
      image.shape,
      image.data.map(v => v + 0.02 * rng.normal()),
    );
    const again = await explain({ image: noisy, key: 'noise of sd 0.02' });
    if (isUndefined(again)) return again;
    const dot = (a, b) => a.reduce((sum, v, i) => sum + v * b[i], 0);
    const [a, b] = [attribution.data, again.map.data];
    const norm = Math.sqrt(dot(a, a) * dot(b, b));
    if (!(norm > 0)) return undefinedBecause('a map is zero everywhere');
    return { value: Math.max(-1, Math.min(1, dot(a, b) / norm)) };
  },
});

export default definePlugin({ name: 'steadiness', metrics: [steadiness] });
