import { CtXaiError, type ErrorCode } from '../../../../core/errors.ts';
import {
  type Attr,
  type Constant,
  constant,
  DType,
  type Graph,
  type GraphBuilder,
  type Node,
} from '../../graph/graph.ts';
import { producers } from '../../graph/walk.ts';

/** The opset that everything after the upgrader sees. */
export const OPSET = 20;

/** Rewrites one node from the file's opset to the internal one, by pushing nodes into `builder`. */
export type UpgradeRule = (node: Node, u: Upgrading) => void;

export type UpgradeRules = Readonly<Record<string, UpgradeRule>>;

/** What holds for a model and its inner graphs together. */
export interface UpgradeState {
  readonly file: string;
  readonly taken: Set<string>;
  /** Whether some operator came after `OPSET` and has no equivalent: then the model stays in its own opset. */
  keepsOpset: boolean;
}

/** Operators whose first output is of the type of their first input. */
const PASSING: ReadonlySet<string> = new Set([
  ...['Identity', 'Reshape', 'Flatten', 'Squeeze', 'Unsqueeze', 'Expand', 'Tile', 'Transpose', 'Slice', 'Gather'],
  ...['GatherElements', 'GatherND', 'Concat', 'Pad', 'Split', 'ScatterElements', 'ScatterND', 'Trilu', 'Dropout'],
]);

/** Operators that answer yes or no. */
const ASKING: ReadonlySet<string> = new Set([
  ...['And', 'Or', 'Not', 'Xor', 'Equal', 'Less', 'LessOrEqual', 'Greater', 'GreaterOrEqual', 'IsNaN', 'IsInf'],
]);

const NUMERIC: ReadonlySet<string> = new Set([
  ...['Add', 'Sub', 'Mul', 'Div', 'Pow', 'Neg', 'Abs', 'Log', 'Exp', 'Sqrt', 'Relu', 'Clip', 'MatMul', 'Gemm', 'Conv'],
  ...['Sigmoid', 'Tanh', 'Softmax', 'Max', 'Min', 'Sum', 'Mean', 'Range', 'CumSum'],
]);

/** What a rule sees of the graph on its way from opset `from` to `OPSET`. */
export class Upgrading {
  /** The file's opset. */
  readonly from: number;
  readonly builder: GraphBuilder;
  /** Tensors that some node reads, or that the graph gives out. */
  readonly used: ReadonlySet<string>;
  readonly #state: UpgradeState;
  readonly #graph: Graph;
  readonly #makers: ReadonlyMap<string, Node>;

  constructor(graph: Graph, state: UpgradeState, builder: GraphBuilder, used: ReadonlySet<string>) {
    this.used = used;
    this.from = graph.opset;
    this.builder = builder;
    this.#state = state;
    this.#graph = graph;
    this.#makers = producers(graph);
  }

  /** The value of a tensor that is stored in the file. */
  stored(name: string | undefined): Constant | undefined {
    return name === undefined ? undefined : this.#graph.constants.get(name);
  }

  /** The file's node that makes a tensor. */
  maker(name: string): Node | undefined {
    return this.#makers.get(name);
  }

  /** Whether a tensor holds booleans; undefined where the file's operators do not tell. */
  isBool(name: string): boolean | undefined {
    const known = this.stored(name)?.dtype ?? this.#graph.inputs.find(i => i.name === name)?.dtype;
    if (known !== undefined && known > 0) return known === DType.bool;
    const node = this.#makers.get(name);
    if (node?.domain !== '') return undefined;
    if (ASKING.has(node.op)) return true;
    const to = node.attrs.to ?? node.attrs.dtype;
    if (to) return to.value === DType.bool;
    if (node.op === 'ConstantOfShape') {
      const value = node.attrs.value;
      return value?.type === 'tensor' && value.value.dtype === DType.bool;
    }
    if (node.op === 'Where') return this.isBool(node.inputs[1]!);
    if (PASSING.has(node.op)) return this.isBool(node.inputs[0]!);
    // Arithmetic makes numbers; of operators that are not known here nothing is said.
    return NUMERIC.has(node.op) ? false : undefined;
  }

  /** Puts the node there as it is, though the internal opset does not know it: the model stays in its own opset. */
  keep(node: Node): void {
    this.#state.keepsOpset = true;
    this.builder.push(node);
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
      `${this.#state.file}: node '${node.name}' (${node.op}, opset ${this.from}): ${what}`,
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
