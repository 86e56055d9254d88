import type { Constant, GraphBuilder, Node } from '../graph/graph.ts';
import { builderFor } from '../graph/walk.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import type { StoredParameter } from './sites.ts';

/** Other values for the constants that nodes read; what other nodes read of the same constant stays as it is. */
export class ConstantChanges {
  readonly #model: NormalisedModel;
  readonly #builder: GraphBuilder;
  /** New input names by node, from an index. */
  readonly #inputs = new Map<Node, Map<number, string>>();
  readonly #values = new Map<string, Constant>();

  constructor(model: NormalisedModel) {
    this.#model = model;
    this.#builder = builderFor(model.graph, model.infos.keys());
  }

  /** The present value of a node's input, where it has one. */
  get({ node, index }: StoredParameter): Constant | undefined {
    const changed = this.#inputs.get(node)?.get(index);
    return changed === undefined ? this.#model.values.get(node.inputs[index] ?? '') : this.#values.get(changed);
  }

  set({ node, index }: StoredParameter, value: Constant): void {
    const name = this.#inputs.get(node)?.get(index) ?? this.#builder.fresh('drawn');
    this.#values.set(name, value);
    this.#inputs.set(node, (this.#inputs.get(node) ?? new Map()).set(index, name));
  }

  /** The model with the changes made. Its tensors keep their names. */
  applied(): NormalisedModel {
    const { graph, infos, values } = this.#model;
    const nodes = graph.nodes.map(node => {
      const changed = this.#inputs.get(node);
      if (!changed) return node;
      const inputs = Array.from(
        { length: Math.max(node.inputs.length, ...[...changed.keys()].map(i => i + 1)) },
        (_, i) => changed.get(i) ?? node.inputs[i] ?? '',
      );
      return { ...node, inputs };
    });
    const added = [...this.#values];
    return {
      ...this.#model,
      graph: { ...graph, nodes, constants: new Map([...graph.constants, ...added]) },
      values: new Map([...values, ...added]),
      infos: new Map([...infos, ...added.map(([name, { dtype, dims }]) => [name, { dtype, dims }] as const)]),
    };
  }
}
