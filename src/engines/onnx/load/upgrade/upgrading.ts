import { CtXaiError, type ErrorCode } from '../../../../core/errors.ts';
import { type Attr, type Constant, constant, type Graph, type GraphBuilder, type Node } from '../../graph/graph.ts';

/** The opset that everything after the upgrader sees. */
export const OPSET = 20;

/** Rewrites one node from the file's opset to the internal one, by pushing nodes into `builder`. */
export type UpgradeRule = (node: Node, u: Upgrading) => void;

export type UpgradeRules = Readonly<Record<string, UpgradeRule>>;

/** What a rule sees of the graph on its way from opset `from` to `OPSET`. */
export class Upgrading {
  /** The file's opset. */
  readonly from: number;
  readonly builder: GraphBuilder;
  /** Tensors that some node reads, or that the graph gives out. */
  readonly used: ReadonlySet<string>;
  readonly #file: string;
  readonly #constants: ReadonlyMap<string, Constant>;

  constructor(graph: Graph, file: string, builder: GraphBuilder, used: ReadonlySet<string>) {
    this.used = used;
    this.from = graph.opset;
    this.builder = builder;
    this.#file = file;
    this.#constants = graph.constants;
  }

  /** The value of a tensor that is stored in the file. */
  stored(name: string | undefined): Constant | undefined {
    return name === undefined ? undefined : this.#constants.get(name);
  }

  /** Puts the node with other inputs and attributes in its own place. */
  replace(
    node: Node,
    change: { op?: string; domain?: string; inputs?: readonly string[]; attrs?: Node['attrs'] },
  ): void {
    this.builder.push({ ...node, ...change });
  }

  /** Puts an operator in the node's place, making the node's first output. */
  finish(node: Node, op: string, inputs: readonly string[], attrs: Node['attrs'] = {}): void {
    this.builder.push({ op, domain: '', name: node.name, inputs, outputs: node.outputs.slice(0, 1), attrs });
  }

  fail(node: Node, what: string, hint?: string, code: ErrorCode = 'MODEL'): never {
    throw new CtXaiError(
      code,
      `${this.#file}: node '${node.name}' (${node.op}, opset ${this.from}): ${what}`,
      hint === undefined ? {} : { hint },
    );
  }
}

/** A rule for nodes of opsets before `opset`; newer ones pass unchanged. */
export function before(opset: number, rule: UpgradeRule): UpgradeRule {
  return (node, u) => (u.from < opset ? rule(node, u) : u.builder.push(node));
}

/** The node's attributes without some of them. */
export function without(node: Node, ...keys: readonly string[]): Record<string, Attr> {
  return Object.fromEntries(Object.entries(node.attrs).filter(([key]) => !keys.includes(key)));
}

/** Moves a list of integers from an attribute to input `position`; without the attribute the input is left out. */
export function intsToInput(node: Node, u: Upgrading, key: string, position: number): void {
  const a = node.attrs[key];
  const inputs = [...node.inputs];
  if (a !== undefined) {
    if (a.type !== 'ints') u.fail(node, `attribute '${key}' is ${a.type}, not ints.`);
    // An empty list meant "all", which is what no input means now.
    if (a.value.length > 0) {
      while (inputs.length < position) inputs.push('');
      inputs[position] = u.builder.constant(constant.ints(a.value));
    }
  }
  u.replace(node, { inputs, attrs: without(node, key) });
}
