import type { Constant, Graph, GraphBuilder, Node } from '../../graph/graph.ts';
import { builderFor, readBy } from '../../graph/walk.ts';

/** A graph being rewritten: who makes and reads each tensor, and replacement of nodes by others. */
export class Edit {
  readonly builder: GraphBuilder;
  readonly #graph: Graph;
  readonly #constants: Map<string, Constant>;
  readonly #producers = new Map<string, Node>();
  readonly #consumers = new Map<string, Node[]>();
  readonly #outputs: ReadonlySet<string>;
  /** What stands for an original node now; several, in order, or none. */
  readonly #replaced = new Map<Node, readonly Node[]>();
  /** The original that a current node stands for. */
  readonly #origin = new Map<Node, Node>();

  constructor(graph: Graph) {
    this.#graph = graph;
    this.#constants = new Map(graph.constants);
    this.#outputs = new Set(graph.outputs.map(o => o.name));
    this.builder = builderFor(graph);
    for (const node of graph.nodes) this.#link(node);
  }

  constant(name: string): Constant | undefined {
    return this.#constants.get(name);
  }

  /** Adds a constant. */
  store(c: Constant, hint: string): string {
    const name = this.builder.fresh(hint);
    this.#constants.set(name, c);
    return name;
  }

  producer(name: string): Node | undefined {
    return this.#producers.get(name);
  }

  /** Whether just one node reads the tensor, once, and it is no output. */
  isPrivate(name: string): boolean {
    return this.#consumers.get(name)?.length === 1 && !this.#outputs.has(name);
  }

  /** The node that alone reads the tensor. */
  onlyConsumer(name: string): Node | undefined {
    return this.isPrivate(name) ? this.#consumers.get(name)![0] : undefined;
  }

  /** Puts other nodes in a node's place. */
  replace(node: Node, ...others: readonly Node[]): void {
    const origin = this.#origin.get(node) ?? node;
    this.#unlink(node);
    const current = (this.#replaced.get(origin) ?? [origin]).flatMap(n => (n === node ? others : [n]));
    this.#replaced.set(origin, current);
    for (const other of others) {
      this.#origin.set(other, origin);
      this.#link(other);
    }
  }

  /** Removes a node of one output: its readers get `instead`. An output of the graph stays, as a copy. */
  bypass(node: Node, instead: string): void {
    const [output] = node.outputs as [string];
    const readers = [...(this.#consumers.get(output) ?? [])];
    if (this.#outputs.has(output)) {
      this.replace(node, { ...node, op: 'Identity', inputs: [instead], attrs: {} });
    } else {
      this.replace(node);
    }
    for (const reader of new Set(readers)) {
      this.replace(reader, { ...reader, inputs: reader.inputs.map(name => (name === output ? instead : name)) });
    }
  }

  done(): Graph {
    const nodes = this.#graph.nodes.flatMap(node => this.#replaced.get(node) ?? [node]);
    return { ...this.#graph, nodes, constants: this.#constants };
  }

  #link(node: Node): void {
    for (const name of node.outputs) this.#producers.set(name, node);
    for (const name of readBy(node)) {
      const list = this.#consumers.get(name);
      if (list) list.push(node);
      else this.#consumers.set(name, [node]);
    }
  }

  #unlink(node: Node): void {
    for (const name of node.outputs) this.#producers.delete(name);
    for (const name of readBy(node)) {
      const list = this.#consumers.get(name)!;
      list.splice(list.indexOf(node), 1);
    }
  }
}
