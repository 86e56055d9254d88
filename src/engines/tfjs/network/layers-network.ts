import * as tf from '@tensorflow/tfjs-core';
import { type LayersModel, type layers, loadLayersModel } from '@tensorflow/tfjs-layers';
import type { ModelFiles } from '../keras/model-files.ts';
import { type LayerCall, readTopology, type Topology } from '../keras/topology.ts';
import type { Spec } from '../tfjs-messages.ts';
import type { Known, TfjsNetwork } from './network.ts';

type Layer = layers.Layer;

/** A layers model, computed layer by layer, so that any layer's value can be had or given. */
export async function loadLayers(files: ModelFiles, { output, chosen }: Spec): Promise<TfjsNetwork> {
  const artifacts = {
    modelTopology: files.json.modelTopology as object,
    weightSpecs: [...files.specs] as tf.io.WeightsManifestEntry[],
    weightData: files.data,
  };
  const model = await loadLayersModel({ load: async () => artifacts });
  return new LayersNetwork(model, readTopology(files.json.modelTopology, files.file, chosen), output);
}

class LayersNetwork implements TfjsNetwork {
  readonly #model: LayersModel;
  readonly #calls: readonly LayerCall[];
  readonly #output: string;
  readonly #layers = new Map<string, Layer>();

  constructor(model: LayersModel, topology: Topology, output: string) {
    this.#model = model;
    this.#output = output;
    this.#calls = needed(topology.calls, [output]);
    for (const call of this.#calls) {
      if (call.className !== 'InputLayer') this.#layers.set(call.name, layerAt(model, call.path));
    }
  }

  forward(images: tf.Tensor4D, known?: Known): tf.Tensor2D {
    return tf.tidy(() => flat(this.values(images, [this.#output], known)[0]!));
  }

  values(images: tf.Tensor4D, wanted: readonly string[], known: Known = new Map()): readonly tf.Tensor[] {
    const found = this.#compute(needed(this.#calls, wanted, known), new Map(known), images);
    return wanted.map(name => found.get(name)!);
  }

  shapes(images: tf.Tensor4D) {
    return tf.tidy(() => {
      const values = this.#compute(this.#calls, new Map(), images);
      return Object.fromEntries([...values].map(([name, value]) => [name, value.shape]));
    });
  }

  dispose(): void {
    this.#model.dispose();
  }

  #compute(calls: readonly LayerCall[], known: Map<string, tf.Tensor>, images: tf.Tensor4D): Map<string, tf.Tensor> {
    for (const { name, inputs, className } of calls) {
      if (className === 'InputLayer') {
        known.set(name, images);
        continue;
      }
      const values = inputs.map(input => known.get(input)!);
      const made = this.#layers.get(name)!.apply(values.length === 1 ? values[0]! : values);
      known.set(name, (Array.isArray(made) ? made[0] : made) as tf.Tensor);
    }
    return known;
  }
}

function flat(scores: tf.Tensor): tf.Tensor2D {
  return tf.reshape(scores, [scores.shape[0]!, -1]);
}

function layerAt(model: LayersModel, path: readonly string[]): Layer {
  const [name, ...rest] = path as [string, ...string[]];
  const layer = model.getLayer(name);
  return rest.length === 0 ? layer : layerAt(layer as unknown as LayersModel, rest);
}

/** The calls that layers follow from, those left out whose values are known. */
function needed(calls: readonly LayerCall[], wanted: readonly string[], known: Known = new Map()): LayerCall[] {
  const open = new Set(wanted);
  const isNeeded = (call: LayerCall) => open.has(call.name) && !known.has(call.name);
  for (const call of calls.toReversed()) if (isNeeded(call)) for (const input of call.inputs) open.add(input);
  return calls.filter(isNeeded);
}
