import { defineExplainer, definePlugin, imageBatch, tensor } from 'ct-xai-bench';

const gradientTimesInput = defineExplainer({
  name: 'gradient-times-input',
  title: 'Gradient × (image − baseline)',
  cite: 'Shrikumar et al. 2016, arXiv:1605.01713',
  kind: 'additive',
  requires: ['gradients'],
  baseline: 'air',
  cost: () => ({ forward: 1, backward: 1 }),
  async explain({ model, image, baseline, target, signal }) {
    const [height, width, channels] = image.shape;
    const map = tensor([height, width]);
    const add = (_, gradient) =>
      gradient.forEach((g, i) => {
        map.data[Math.floor(i / channels)] += g * (image.data[i] - baseline.data[i]);
      });
    await model.gradients(imageBatch(image), { class: target.class, score: 'margin' }, add, { signal });
    return { map };
  },
});

export default definePlugin({ name: 'example', explainers: [gradientTimesInput] });
