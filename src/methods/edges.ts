import { undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { sobelMagnitude } from '../core/image/sobel.ts';

/** Sobel magnitude of the image as it is shown: structure without any model. Undefined for a constant image. */
export const edges = defineExplainer({
  name: 'edges',
  title: 'Edges',
  summary: 'Control: the edges of the image (Sobel), which no model has seen.',
  advice: 'A control: what a map of edges scores, without any model.',
  cite: 'Adebayo et al. 2018, arXiv:1810.03292',
  kind: 'ranking',
  role: 'control',
  cost: () => ({ forward: 0, backward: 0 }),
  async explain({ view }) {
    const map = sobelMagnitude(view);
    return map.data.some(v => v !== 0) ? { map } : undefinedBecause('the image is constant: it has no edges');
  },
});
