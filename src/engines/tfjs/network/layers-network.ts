import * as tf from '@tensorflow/tfjs-core';
import { type LayersModel, type layers, loadLayersModel } from '@tensorflow/tfjs-layers';
import type { ModelFiles } from '../keras/model-files.ts';
import { type LayerCall, readTopology, type Topology } from '../keras/topology.ts';
import type { Spec } from '../tfjs-messages.ts';
import type { Network } from './network.ts';

type Layer = layers.Layer;

/** A layers model, computed layer by layer, so that any layer's value can be had or given. */
export async function loadLayers(files: ModelFiles, { output, chosen }: Spec): Promise<Network> {
  const artifacts = {
    modelTopology: files.json.modelTopology as object,
    weightSpecs: [...files.specs] as tf.io.WeightsManifestEntry[],
    weightData: files.data,
  };
  const model = await loadLayersModel({ load: async () => artifacts });
  return new LayersNetwork(model, readTopology(files.json.modelTopology, files.file, chosen), output);
}

class LayersNetwork implements Network {
  readonly #model: LayersModel;
  readonly #calls: readonly LayerCall[];
  readonly #output: string;
  readonly #layers = new Map<string, Layer>();

  constructor(model: LayersModel, topology: Topology, output: string) {
    this.#model = model;
    this.#output = output;
    this.#calls = needed(topology.calls, output);
    for (const call of this.#calls) {
      if (call.className !== 'InputLayer') this.#layers.set(call.name, layerAt(model, call.path));
    }
  }

  forward(images: tf.Tensor4D): tf.Tensor2D {
    return tf.tidy(() => flat(this.#compute(this.#calls, new Map(), images).get(this.#output)!));
  }

  split(images: tf.Tensor4D, layer: string) {
    const behind = dependents(this.#calls, layer);
    const before = this.#compute(
      this.#calls.filter(call => !behind.has(call.name)),
      new Map(),
      images,
    );
    const after = this.#calls.filter(call => behind.has(call.name));
    return {
      value: before.get(layer)!,
      rest: (value: tf.Tensor) => {
        const known = new Map(before).set(layer, value);
        return flat(this.#compute(after, known, images).get(this.#output)!);
      },
    };
  }

  shapes(images: tf.Tensor4D) {
    return tf.tidy(() => {
      const values = this.#compute(this.#calls, new Map(), images);
      return Object.fromEntries([...values].map(([name, value]) => [name, value.shape.slice(1)]));
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

/** The calls that an output follows from. */
function needed(calls: readonly LayerCall[], output: string): LayerCall[] {
  const wanted = new Set([output]);
  for (const call of calls.toReversed()) if (wanted.has(call.name)) for (const input of call.inputs) wanted.add(input);
  return calls.filter(call => wanted.has(call.name));
}

/** The calls that follow from a layer's output, the layer left out. */
function dependents(calls: readonly LayerCall[], layer: string): Set<string> {
  const found = new Set<string>();
  for (const { name, inputs } of calls) if (inputs.some(i => i === layer || found.has(i))) found.add(name);
  return found;
}
