import { createRegistry, type Registry } from './core/registry.ts';
import { air } from './data/baselines/air.ts';
import { blur } from './data/baselines/blur.ts';
import { riseBlur } from './data/baselines/rise-blur.ts';
import { windowMean } from './data/baselines/window-mean.ts';
import { zeroInput } from './data/baselines/zero-input.ts';
import { imageFolder } from './data/readers/image-folder.ts';
import { phantom } from './data/readers/phantom.ts';
import { onnxWithTfjs } from './engines/tfjs/export/through-onnx.ts';
import { tfjsEngine } from './engines/tfjs/tfjs-engine.ts';
import { centre } from './methods/centre.ts';
import { edges } from './methods/edges.ts';
import { gradCam } from './methods/grad-cam.ts';
import { integratedGradients } from './methods/integrated-gradients.ts';
import { lime } from './methods/lime.ts';
import { occlusion } from './methods/occlusion.ts';
import { random } from './methods/random.ts';
import { shuffled } from './methods/shuffled.ts';
import { deletion } from './metrics/faithfulness/deletion.ts';
import { insertion } from './metrics/faithfulness/insertion.ts';
import { srg } from './metrics/faithfulness/srg.ts';
import { pointingGame } from './metrics/localisation/pointing-game.ts';
import { relevanceMass } from './metrics/localisation/relevance-mass.ts';

/** All that ships. A test compares it with the files on disk. */
export function builtinRegistry(): Registry {
  return createRegistry({
    explainers: [gradCam, integratedGradients, lime, occlusion, random, edges, centre, shuffled],
    metrics: [deletion, insertion, srg, pointingGame, relevanceMass],
    baselines: [air, windowMean, blur, zeroInput, riseBlur],
    readers: [imageFolder, phantom],
    engines: [onnxWithTfjs, tfjsEngine],
  });
}
