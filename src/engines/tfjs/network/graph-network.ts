import { type GraphModel, loadGraphModel } from '@tensorflow/tfjs-converter';
import * as tf from '@tensorflow/tfjs-core';
import type { ModelFiles } from '../keras/model-files.ts';
import type { Known, TfjsNetwork } from './network.ts';

/**
 * A graph model (a converted SavedModel); any node can be asked for, or fed.
 * @param output the node whose value the scores are
 * @param layers the nodes that layers can be
 */
export async function loadGraph(files: ModelFiles, output: string, layers: readonly string[]): Promise<TfjsNetwork> {
  const artifacts = {
    modelTopology: files.json.modelTopology as object,
    weightSpecs: [...files.specs] as tf.io.WeightsManifestEntry[],
    weightData: files.data,
    ...(files.json.signature ? { signature: files.json.signature as object } : {}),
  };
  const model = await loadGraphModel({ load: async () => artifacts });
  return new GraphNetwork(model, output, layers);
}

class GraphNetwork implements TfjsNetwork {
  readonly #model: GraphModel;
  readonly #input: string;
  readonly #output: string;
  readonly #layers: readonly string[];

  constructor(model: GraphModel, output: string, layers: readonly string[]) {
    this.#model = model;
    this.#input = model.inputs[0]!.name;
    this.#output = output;
    this.#layers = layers;
  }

  forward(images: tf.Tensor4D, known?: Known): tf.Tensor2D {
    return tf.tidy(() => flat(this.values(images, [this.#output], known)[0]!));
  }

  values(images: tf.Tensor4D, wanted: readonly string[], known: Known = new Map()): readonly tf.Tensor[] {
    const made = this.#model.execute({ [this.#input]: images, ...Object.fromEntries(known) }, [...wanted]);
    return Array.isArray(made) ? made : [made as tf.Tensor];
  }

  shapes(images: tf.Tensor4D) {
    return tf.tidy(() => {
      const values = this.values(images, this.#layers);
      return Object.fromEntries(this.#layers.map((name, i) => [name, values[i]!.shape]));
    });
  }

  dispose(): void {
    this.#model.dispose();
  }
}

function flat(scores: tf.Tensor): tf.Tensor2D {
  return tf.reshape(scores, [scores.shape[0]!, -1]);
}
