import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { type ModelFiles, readModelFiles } from '../keras/model-files.ts';
import { readTopology } from '../keras/topology.ts';
import type { Spec } from '../tfjs-messages.ts';
import { loadGraph } from './graph-network.ts';
import { loadLayers } from './layers-network.ts';
import type { TfjsNetwork } from './network.ts';

const TRAINING = /_(initializer|regularizer|constraint)$/;

/**
 * Loads a model on this thread's device.
 * @throws CtXaiError MODEL if TF.js does not take it, or would compute something else than Keras.
 */
export async function loadNetwork(spec: Spec): Promise<TfjsNetwork> {
  const files = await readModelFiles(spec.file);
  try {
    if (files.format === 'graph-model') return await loadGraph(files, spec.output, spec.layers);
    requireFaithful(files, spec);
    return await loadLayers(adapted(files, spec), spec);
  } catch (cause) {
    if (cause instanceof CtXaiError) throw cause;
    // TF.js goes on about how to port layers.
    const [what] = messageOf(cause).split('. This may be due to');
    throw new CtXaiError('MODEL', `${spec.file}: TF.js can't load it: ${what}.`, {
      hint: "Try it as ONNX ('engine: onnx'), or export the model as ONNX from Keras (tf2onnx) and use that file.",
      cause,
    });
  }
}

/**
 * The same model as TF.js reads it: without what only training needs, some of which it refuses (a SeparableConv2D's
 * kernel_initializer, which Keras writes), and with the activation left out that is to be.
 */
function adapted(files: ModelFiles, { output, chosen, withoutActivation }: Spec): ModelFiles {
  const json = structuredClone(files.json);
  for (const { name, config } of readTopology(json.modelTopology, files.file, chosen).calls) {
    const settings = config as Record<string, unknown>;
    for (const key of Object.keys(settings)) if (TRAINING.test(key)) delete settings[key];
    if (withoutActivation && name === output) settings.activation = 'linear';
  }
  return { ...files, json };
}

/** TF.js passes over some settings of Keras without a word. */
function requireFaithful(files: ModelFiles, { chosen }: Spec): void {
  const { calls } = readTopology(files.json.modelTopology, files.file, chosen);
  for (const { className, config, name } of calls) {
    const ignored = className === 'ReLU' ? ['negative_slope', 'threshold'].find(key => config[key]) : undefined;
    if (ignored === undefined) continue;
    throw new CtXaiError('MODEL', `${files.file}: layer '${name}' (ReLU) has '${ignored}', which TF.js ignores.`, {
      hint: "Run it as ONNX ('engine: onnx'), which computes what Keras does.",
    });
  }
}
