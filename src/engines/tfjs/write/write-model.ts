import type { Graph } from '../../onnx/graph/graph.ts';
import { layersOf } from './write-layers.ts';

/** The file of the weights, beside model.json. */
export const WEIGHTS_FILE = 'weights.bin';

/** A layers model as its two files. */
export interface WrittenModel {
  readonly json: string;
  readonly weights: Uint8Array;
}

/**
 * A graph that training has made as a layers model with the same weights, bit by bit, and the same names. Images are
 * [n, h, w, c].
 * @param by who writes it, for the file
 * @throws CtXaiError OPERATOR where the graph is another one.
 */
export function layersModelOf(graph: Graph, by: string): WrittenModel {
  const { layers, output } = layersOf(graph);
  const weights = layers.flatMap(({ name, weights }) => weights.map(w => ({ ...w, name: `${name}/${w.role}` })));
  const topology = {
    class_name: 'Functional',
    config: {
      name: 'model',
      trainable: true,
      layers: layers.map(({ className, name, config, inputs }) => ({
        class_name: className,
        config: { name, trainable: true, ...config },
        name,
        inbound_nodes: inputs.length > 0 ? [inputs.map(input => [input, 0, 0, {}])] : [],
      })),
      input_layers: [[layers[0]!.name, 0, 0]],
      output_layers: [[output, 0, 0]],
    },
  };
  const manifest = weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' }));
  const json = {
    format: 'layers-model',
    generatedBy: by,
    convertedBy: null,
    modelTopology: { keras_version: '2.15.0', backend: 'tensorflow', model_config: topology },
    weightsManifest: [{ paths: [WEIGHTS_FILE], weights: manifest }],
  };
  return {
    json: `${JSON.stringify(json)}\n`,
    weights: Buffer.concat(weights.map(({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength))),
  };
}
