import { env, InferenceSession, Tensor as WebTensor } from 'onnxruntime-web/wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { builtinRegistry } from '../../../src/builtin.ts';
import { gaussLegendre } from '../../../src/core/linear/quadrature.ts';
import { explainedModel } from '../../../src/engines/onnx/export/explained-model.ts';
import { MAP_HEADS, type MapOptions } from '../../../src/engines/onnx/export/map-heads.ts';
import { runExplained } from '../../../src/engines/onnx/export/run-explained.ts';
import { referenceBaseline, referenceCard, referenceImage, referenceModels } from '../../golden/explainers/index.ts';

// The build that browsers run: WebAssembly, here in Node.
const { explainers } = builtinRegistry();
const NONE = new Set([
  ...['efficientnet', 'convnext', 'vit'].flatMap(name => [`guided-backprop/${name}`, `deconvnet/${name}`]),
  // They divide by sums of signed tokens near zero, where float32 is off by more.
  'grad-cam-plus-plus/vit',
  'xgrad-cam/vit',
]);

beforeAll(() => {
  env.wasm.numThreads = 1;
});

describe.each(['cnn', 'densenet', 'efficientnet', 'convnext', 'vit'])('%s in onnxruntime-web', name => {
  const entry = referenceModels[name]!;
  const images = [referenceImage(entry, 0), referenceImage(entry, 1)];
  const baseline = referenceBaseline(entry);
  const heads = Object.keys(MAP_HEADS).flatMap(explainer => (NONE.has(`${explainer}/${name}`) ? [] : [explainer]));

  it.each(heads)('%s gives the scores and the map of the native build, for one image and for two', async explainer => {
    const path = explainer === 'integrated-gradients';
    const given = path ? { steps: 4, maxSteps: 4 } : {};
    const options = explainers.get(explainer)!.options.parse(given) as MapOptions;
    const recipe = { explainer, options, ...(path ? { path: gaussLegendre(4) } : {}) };
    const made = await explainedModel(referenceCard(name), { ...recipe, baseline });
    const native = await runExplained(made, images, 'NCHW');
    const session = await InferenceSession.create(made.bytes);
    try {
      for (const count of [1, 2]) {
        // One channel, so that the order of channels is no matter.
        const data = Float32Array.from(images.slice(0, count).flatMap(image => [...image.data]));
        const input = new WebTensor('float32', data, [count, 1, entry.side, entry.side]);
        const found = await session.run({ [made.input]: input });
        for (const what of ['scores', 'map'] as const) {
          const expected = native.slice(0, count).flatMap(n => [...n[what]]);
          const got = found[made[what]]!.data as Float32Array;
          const largest = Math.max(...expected.map(Math.abs));
          expect(got).toHaveLength(expected.length);
          expect(Math.max(...expected.map((v, i) => Math.abs(v - got[i]!))) / largest).toBeLessThan(1e-5);
        }
      }
    } finally {
      await session.release();
    }
  });
});
