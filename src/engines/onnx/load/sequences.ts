import {
  attr,
  type Constant,
  constant,
  type Graph,
  type GraphBuilder,
  type Node,
  numbersOf,
  read,
} from '../graph/graph.ts';
import { builderFor } from '../graph/walk.ts';
import type { ProbedShapes } from './probe-shapes.ts';

const READERS: ReadonlySet<string> = new Set(['SequenceAt', 'ConcatFromSequence', 'SequenceLength']);

/**
 * The graph with tensors in the place of the sequences whose length and places are known, or undefined where there are
 * none. Exporters put the parts of a split, or the tensors of a list, into sequences.
 */
export function withoutSequences(graph: Graph, findings: ProbedShapes): Graph | undefined {
  if (!graph.nodes.some(node => READERS.has(node.op))) return undefined;
  const lists = new Lists(graph, findings);
  for (const node of graph.nodes) if (!lists.replaces(node)) lists.builder.push(node);
  if (!lists.changed) return undefined;
  return { ...graph, nodes: lists.builder.nodes, constants: new Map([...graph.constants, ...lists.builder.constants]) };
}

/** The sequences met so far, as lists of tensors. */
class Lists {
  readonly builder: GraphBuilder;
  changed = false;
  readonly #known = new Map<string, readonly string[]>();
  readonly #graph: Graph;
  readonly #findings: ProbedShapes;

  constructor(graph: Graph, findings: ProbedShapes) {
    this.#graph = graph;
    this.#findings = findings;
    this.builder = builderFor(graph);
  }

  /** Whether other nodes now stand for a node. */
  replaces(node: Node): boolean {
    if (node.domain !== '') return false;
    const made = this.#listOf(node);
    if (made) {
      this.#known.set(node.outputs[0]!, made);
      // Something that is not seen through may still read the sequence itself.
      return false;
    }
    const list = READERS.has(node.op) ? this.#known.get(node.inputs[0]!) : undefined;
    if (!list) return false;
    const done = this.#reads(node, list);
    this.changed ||= done;
    return done;
  }

  #numbers(name: string | undefined): number[] | undefined {
    if (!name) return undefined;
    const value: Constant | undefined = this.#findings.values.get(name) ?? this.#graph.constants.get(name);
    return value && numbersOf(value);
  }

  /** The tensors of the sequence that a node makes. */
  #listOf(node: Node): readonly string[] | undefined {
    const [first = '', second = '', third = ''] = node.inputs;
    const list = this.#known.get(first);
    switch (node.op) {
      case 'SequenceEmpty':
        return [];
      case 'SequenceConstruct':
        return node.inputs;
      case 'Identity':
        return list;
      case 'SplitToSequence':
        return this.#split(node);
      case 'SequenceInsert': {
        const at = third === '' ? list?.length : this.#place(third, (list?.length ?? 0) + 1);
        return list && at !== undefined ? list.toSpliced(at, 0, second) : undefined;
      }
      case 'SequenceErase': {
        const at = second === '' ? (list?.length ?? 0) - 1 : this.#place(second, list?.length ?? 0);
        return list && at !== undefined && at >= 0 ? list.toSpliced(at, 1) : undefined;
      }
      default:
        return undefined;
    }
  }

  /** A constant place in a list of `length`, counted from the front. */
  #place(name: string, length: number): number | undefined {
    const at = this.#numbers(name)?.[0];
    if (at === undefined) return undefined;
    const place = at < 0 ? at + length : at;
    return place >= 0 && place < length ? place : undefined;
  }

  #split(node: Node): readonly string[] | undefined {
    const [x, split = ''] = node.inputs as readonly [string, string?];
    const dims = this.#findings.infos.get(x)?.dims;
    if (!dims) return undefined;
    const given = read.int(node, 'axis', 0);
    const axis = given < 0 ? given + dims.length : given;
    const size = dims[axis];
    const told = this.#findings.infos.get(split) ?? this.#graph.constants.get(split);
    const attrs = { axis: attr.int(axis) };
    if (told?.dims.length === 1 && typeof told.dims[0] === 'number') {
      return this.builder.ops('Split', [x, split], told.dims[0], attrs);
    }
    const step = split === '' ? 1 : this.#numbers(split)?.[0];
    if (typeof size !== 'number' || step === undefined || step < 1) return undefined;
    const sizes = Array.from({ length: Math.ceil(size / step) }, (_, i) => Math.min(step, size - i * step));
    const parts = this.builder.ops('Split', [x, this.builder.ints(sizes)], sizes.length, attrs);
    // The standard has keepdims for no split only; ONNX Runtime heeds it for one number too, and PyTorch relies on it.
    if (read.int(node, 'keepdims', 1) !== 0) return parts;
    return parts.map(part => this.builder.op('Squeeze', [part, this.builder.ints([axis])]));
  }

  /** Writes what a node reads of a list; false where it can't be known. */
  #reads(node: Node, list: readonly string[]): boolean {
    const b = this.builder;
    const pass = (op: string, inputs: readonly string[], attrs = {}) => b.push({ ...node, op, inputs, attrs });
    if (node.op === 'SequenceLength') {
      pass('Identity', [b.constant(constant.int64([], [list.length]))]);
      return true;
    }
    if (node.op === 'ConcatFromSequence') {
      const axis = read.int(node, 'axis', 0);
      const stacked = read.int(node, 'new_axis', 0) !== 0;
      const parts = stacked ? list.map(part => b.op('Unsqueeze', [part, b.ints([axis])])) : list;
      if (parts.length > 0) pass('Concat', parts, { axis: attr.int(axis) });
      return parts.length > 0;
    }
    const at = this.#place(node.inputs[1]!, list.length);
    if (at !== undefined) pass('Identity', [list[at]!]);
    return at !== undefined;
  }
}
