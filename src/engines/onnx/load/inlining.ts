import type { Constant, Graph, Node } from '../graph/graph.ts';
import { renamed } from '../graph/rename.ts';
import { collectNames } from '../graph/walk.ts';

/** Writes inner graphs (branches, the bodies of loops) into the outer one, under names that nothing else has. */
export class Inlining {
  readonly nodes: Node[] = [];
  readonly #constants: Map<string, Constant>;
  /** Names of all tensors and nodes, inner ones too. */
  readonly #taken = new Set<string>();
  /** Names of the outer graph's tensors. */
  readonly #visible: Set<string>;
  readonly #outer: Graph;

  constructor(outer: Graph) {
    this.#outer = outer;
    this.#constants = new Map(outer.constants);
    collectNames(outer, this.#taken);
    this.#visible = new Set([...outer.constants.keys(), ...outer.inputs.map(i => i.name)]);
    for (const { outputs } of outer.nodes) for (const name of outputs) this.#visible.add(name);
  }

  /** The outer graph with the nodes so far in place of its own. */
  graph(): Graph {
    return { ...this.#outer, nodes: this.nodes, constants: this.#constants };
  }

  #unique(wish: string): string {
    let name = wish;
    for (let i = 1; this.#taken.has(name); i++) name = `${wish}#${i}`;
    this.#taken.add(name);
    return name;
  }

  /** Adds a constant and returns its name. */
  constant(value: Constant, wish: string): string {
    const name = this.#unique(wish);
    this.#constants.set(name, value);
    return name;
  }

  /** Adds a node with one output and returns that. */
  add(op: string, inputs: readonly string[], wish: string, attrs: Node['attrs'] = {}): string {
    const name = this.#unique(wish);
    this.nodes.push({ op, domain: '', name, inputs, outputs: [name], attrs });
    return name;
  }

  /** Gives `name` to what read an output of `node`. */
  pass(name: string, output: string, node: Node): void {
    if (output === '') return;
    const inner = this.#unique(`${node.name}/${output}`);
    this.nodes.push({ op: 'Identity', domain: '', name: inner, inputs: [name], outputs: [output], attrs: {} });
  }

  /** Writes an inner graph that stands in one place only: its names are kept where nothing else has them. */
  move(inner: Graph, prefix: string): string[] {
    const own = (name: string) => (this.#visible.has(name) ? this.#unique(`${prefix}/${name}`) : name);
    const names = new Map<string, string>();
    for (const [name, value] of inner.constants) {
      names.set(name, own(name));
      this.#constants.set(names.get(name)!, value);
    }
    for (const { outputs } of inner.nodes) for (const name of outputs) if (name !== '') names.set(name, own(name));
    return this.#write(inner, names, prefix);
  }

  /** Takes an inner graph's constants over: their new names. */
  constantsOf(inner: Graph, prefix: string): Map<string, string> {
    return new Map([...inner.constants].map(([name, value]) => [name, this.constant(value, `${prefix}/${name}`)]));
  }

  /**
   * Writes a copy of an inner graph.
   * @param given what stands for its inputs and constants
   * @returns the tensors of its outputs
   */
  copy(inner: Graph, given: ReadonlyMap<string, string>, prefix: string): string[] {
    const names = new Map(given);
    for (const { outputs } of inner.nodes) {
      for (const name of outputs) if (name !== '') names.set(name, this.#unique(`${prefix}/${name}`));
    }
    return this.#write(inner, names, prefix);
  }

  #write(inner: Graph, names: ReadonlyMap<string, string>, prefix: string): string[] {
    for (const name of names.values()) this.#visible.add(name);
    const copy = renamed(inner, names);
    for (const node of copy.nodes) {
      this.nodes.push({ ...node, name: this.#unique(`${prefix}/${node.name || node.op}`) });
    }
    return copy.outputs.map(output => output.name);
  }
}
