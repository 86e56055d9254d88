import { z } from 'zod';
import { isUndefined, undefinedBecause } from '../core/contracts/index.ts';
import { defineExplainer } from '../core/define.ts';
import { planar, type Tensor, tensor } from '../core/tensor.ts';
import { finishCam } from './shared/cam.ts';
import { layerOption, resolveLayer } from './shared/layers.ts';
import { truthMap } from './shared/truth-map.ts';

/**
 * The oracle as a class activation map would show it at best: averaged over the cells of the layer's grid, then enlarged
 * as theirs are. With `relu` (the default) what speaks against the class is dropped, as in Grad-CAM.
 */
export const oracleGrid = defineExplainer({
  name: 'oracle-grid',
  title: 'Oracle on the layer’s grid',
  summary: 'Control: the truth by intervention on the CAM layer’s grid, the ceiling for class activation maps.',
  advice: 'A control for phantoms: the truth as coarse as a class activation map can show it.',
  cite: 'This project',
  kind: 'ranking',
  role: 'control',
  requires: ['activations'],
  needs: ['effects'],
  options: z.strictObject({
    layer: layerOption,
    relu: z.boolean().default(true).describe('drop what speaks against the class'),
  }),
  cost: () => ({ forward: 0, backward: 0 }),
  async explain({ model, effects, options }) {
    const layer = await resolveLayer(model, options.layer);
    if (typeof layer !== 'string') return layer;
    const found = (await model.layers()).find(({ name }) => name === layer);
    if (found?.shape.length !== 3) return undefinedBecause(`layer '${layer}' has no grid of rows and columns`);
    const truth = truthMap(effects, model.input.spatial);
    if (isUndefined(truth)) return truth;
    const map = cellMeans(truth, planar(found.shape.slice(0, 2)));
    return finishCam([{ layer, map }], model.input.spatial, { relu: options.relu });
  },
});

/** Over the cells of a coarser grid, in proportion to the means where it divides the map's. */
function cellMeans(map: Tensor, [rows, columns]: readonly [number, number]): Tensor {
  const [h, w] = planar(map.shape);
  const out = tensor([rows, columns]);
  const share = (rows * columns) / (h * w);
  map.data.forEach((v, p) => {
    const row = Math.floor((Math.floor(p / w) * rows) / h);
    out.data[row * columns + Math.floor(((p % w) * columns) / w)]! += v * share;
  });
  return out;
}
