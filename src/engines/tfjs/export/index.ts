import { CtXaiError } from '../../../core/errors.ts';
import { DType, type Graph } from '../../onnx/graph/graph.ts';
import { decodeWeights, type ModelFiles } from '../keras/model-files.ts';
import { readTopology, type Topology } from '../keras/topology.ts';
import { GraphWriter, LayerWriter, type Value } from './export-context.ts';
import { LAYERS } from './layers/index.ts';

/** The opset that layers are written in: the oldest that has them all. */
const OPSET = 17;

export interface ExportOptions {
  /** Image size, where the model takes any. */
  readonly size?: readonly [number, number];
  /** The layer with the scores, where the model has several outputs. */
  readonly output?: string;
}

/**
 * A layers model as an ONNX graph: images [n, h, w, c] in, the model's own output out, channels first in between.
 * Tensors are named after the layers that make them.
 * @throws CtXaiError MODEL if the file is not sound; OPERATOR if it has layers that can't be written in ONNX.
 */
export function exportLayers(files: ModelFiles, options: ExportOptions = {}): Graph {
  const { file } = files;
  if (files.format === 'graph-model') {
    throw new CtXaiError('OPERATOR', `${file}: a graph model can't be exported, only a layers model.`, {
      hint: "Run it on TF.js itself, 'engine: tfjs'; or convert the original by tensorflowjs_converter to layers.",
    });
  }
  const topology = readTopology(files.json.modelTopology, file, options.output);
  requireSupported(topology, file);
  const [h, w, c] = imageShape(topology, options, file);
  const graph = new GraphWriter();
  const weights = decodeWeights(files);
  const values = new Map<string, Value>();
  const image = graph.fresh(topology.calls.find(call => call.className === 'InputLayer')!.name);
  for (const call of topology.calls) {
    const layer = new LayerWriter(call, graph, weights);
    if (call.className === 'InputLayer') {
      const made = layer.channelsFirst(image, [h, w, c]);
      values.set(call.name, made);
      continue;
    }
    const inputs = call.inputs.map(name => values.get(name)!);
    values.set(call.name, named(LAYERS[call.className]!(layer, inputs), inputs, call.name, graph));
  }
  const output = values.get(topology.output)!;
  const last = new LayerWriter(topology.calls.at(-1)!, graph, weights);
  const scores = last.channelsLast(output);
  return {
    opset: OPSET,
    nodes: graph.nodes,
    constants: graph.constants,
    inputs: [{ name: image, dtype: DType.float, dims: [null, h, w, c] }],
    outputs: [{ name: scores, dtype: DType.float, dims: [null, ...output.shape] }],
  };
}

/** Calls a layer's output by the layer's name, unless the layer only passed its input on. */
function named(made: Value, inputs: readonly Value[], wanted: string, graph: GraphWriter): Value {
  if (inputs.some(x => x.name === made.name)) return made;
  const name = graph.fresh(wanted);
  graph.rename(made.name, name);
  return { ...made, name };
}

function requireSupported({ calls }: Topology, file: string): void {
  const foreign = new Map<string, string>();
  for (const { className, name } of calls) {
    if (className !== 'InputLayer' && !(className in LAYERS) && !foreign.has(className)) foreign.set(className, name);
  }
  if (foreign.size === 0) return;
  const list = [...foreign].map(([className, name]) => `${className} ('${name}')`).join(', ');
  throw new CtXaiError('OPERATOR', `${file}: these layers can't be written as ONNX: ${list}.`, {
    hint: "Run the model on TF.js itself, 'engine: tfjs'.",
  });
}

function imageShape({ inputShape }: Topology, { size }: ExportOptions, file: string): [number, number, number] {
  const [h, w, c] = inputShape;
  const rows = h ?? size?.[0];
  const columns = w ?? size?.[1];
  if (rows != null && columns != null && c != null) return [rows, columns, c];
  throw new CtXaiError('MODEL', `${file}: it takes images of any size, so one must be given.`, {
    hint: 'Set input: size in the card, or --size.',
  });
}
