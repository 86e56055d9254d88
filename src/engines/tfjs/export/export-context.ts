import { CtXaiError } from '../../../core/errors.ts';
import { type Attr, attr, type Constant, constant, type Node } from '../../onnx/graph/graph.ts';
import { LayerSettings } from '../keras/layer-config.ts';
import type { Weight } from '../keras/model-files.ts';
import type { LayerCall } from '../keras/topology.ts';

/** A tensor: its name in the graph, and its shape as TF.js has it, without the batch. */
export interface Value {
  readonly name: string;
  /** [h, w, c] lies in the graph as [n, c, h, w]; all other shapes as they are. */
  readonly shape: readonly number[];
}

/** How a layer is written in ONNX. */
export type Writer = (layer: LayerWriter, inputs: readonly Value[]) => Value;

/** The graph that is being written: nodes and constants, named after layers. */
export class GraphWriter {
  readonly nodes: Node[] = [];
  readonly constants = new Map<string, Constant>();
  readonly #taken = new Set<string>();

  /** A name that nothing has yet. */
  fresh(wanted: string): string {
    let name = wanted;
    for (let i = 1; this.#taken.has(name); i++) name = `${wanted}_${i}`;
    this.#taken.add(name);
    return name;
  }

  /** Calls a tensor that a node makes by another name. */
  rename(from: string, to: string): void {
    const swap = (name: string) => (name === from ? to : name);
    this.nodes.forEach((node, i) => {
      this.nodes[i] = { ...node, inputs: node.inputs.map(swap), outputs: node.outputs.map(swap) };
    });
  }
}

/** Writes one layer. */
export class LayerWriter {
  readonly call: LayerCall;
  readonly settings: LayerSettings;
  readonly #graph: GraphWriter;
  readonly #weights: ReadonlyMap<string, Weight>;

  constructor(call: LayerCall, graph: GraphWriter, weights: ReadonlyMap<string, Weight>) {
    this.call = call;
    this.settings = new LayerSettings(call.name, call.config);
    this.#graph = graph;
    this.#weights = weights;
  }

  /** Adds a node with one output. @returns that output's name */
  op(op: string, inputs: readonly string[], attrs: Readonly<Record<string, Attr>> = {}): string {
    const name = this.#graph.fresh(`${this.call.name}/${op}`);
    this.#graph.nodes.push({ op, domain: '', name, inputs, outputs: [name], attrs });
    return name;
  }

  /** Adds a float32 constant. @returns its name */
  floats(role: string, shape: readonly number[], data: Float32Array | readonly number[]): string {
    return this.#constant(role, constant.float(shape, data));
  }

  ints(values: readonly number[]): string {
    return this.#constant('ints', constant.ints(values));
  }

  scalar(value: number): string {
    return this.#constant('scalar', constant.scalar(value));
  }

  #constant(role: string, c: Constant): string {
    const name = this.#graph.fresh(`${this.call.name}/${role}`);
    this.#graph.constants.set(name, c);
    return name;
  }

  /** A weight of this layer, by its name in Keras. @throws CtXaiError MODEL if it is not in the file. */
  weight(role: string): Weight {
    const layer = this.call.path.at(-1)!;
    const end = `${layer}/${role}`;
    const exact = this.#weights.get(end);
    if (exact) return exact;
    // Some converters put the names of outer models before it.
    const longer = [...this.#weights.keys()].filter(name => name.endsWith(`/${end}`));
    if (longer.length === 1) return this.#weights.get(longer[0]!)!;
    throw new CtXaiError('MODEL', `layer '${this.call.name}': its weight '${end}' is not in the file.`);
  }

  /** [n, h, w, c] of what lies as [n, c, h, w]; other ranks as they are. */
  channelsLast({ name, shape }: Value): string {
    return shape.length === 3 ? this.op('Transpose', [name], { perm: attr.ints([0, 2, 3, 1]) }) : name;
  }

  /** The opposite. */
  channelsFirst(name: string, shape: readonly number[]): Value {
    return { name: shape.length === 3 ? this.op('Transpose', [name], { perm: attr.ints([0, 3, 1, 2]) }) : name, shape };
  }

  /** Height, width and channels. @throws CtXaiError OPERATOR where the tensor is no image */
  image({ shape }: Value): readonly [number, number, number] {
    const [h, w, c] = shape;
    if (shape.length === 3) return [h!, w!, c!];
    throw this.unsupported(`an input of shape [${shape.join(', ')}]`);
  }

  unsupported(what: string): CtXaiError {
    return new CtXaiError(
      'OPERATOR',
      `layer '${this.call.name}' (${this.call.className}): ${what} can't be written as ONNX.`,
      { hint: "Run the model on TF.js itself, 'engine: tfjs'." },
    );
  }
}
