import { encodeByReference } from '../graph/by-reference.ts';
import {
  attr,
  type Constant,
  constant,
  DType,
  type Graph,
  GraphBuilder,
  type Node,
  numbersOf,
} from '../graph/graph.ts';
import { RANDOM } from '../graph/random.ts';
import { collectNames, readBy } from '../graph/walk.ts';
import { createSession } from '../session/session-options.ts';

/** The values of a tensor of the outer graph, where they do not depend on the image. */
export type Known = (name: string | undefined) => Constant | undefined;

/** What decides how often a loop's body runs. */
interface Counting {
  /** The states that the condition depends on, by their places. */
  readonly states: readonly number[];
  /** The nodes of the body that it depends on, in their order. */
  readonly nodes: readonly Node[];
  readonly constants: ReadonlyMap<string, Constant>;
}

/**
 * How often the body of a Loop runs, found by running what its condition is computed from; `most` + 1 for more.
 * Undefined where that depends on the image.
 */
export async function turnsOf(node: Node, body: Graph, known: Known, most: number): Promise<number | undefined> {
  const [trips = '', condition = ''] = node.inputs;
  const limit = trips === '' ? Number.POSITIVE_INFINITY : numberOf(known(trips));
  const first = condition === '' ? 1 : numberOf(known(condition));
  const counting = countingOf(node, body, known);
  if (limit === undefined || first === undefined || !counting) return undefined;
  const turns = first === 0 ? 0 : Math.min(Math.max(0, limit), most + 1);
  if (turns === 0 || staysTrue(body, counting)) return turns;
  return run(counter(node, body, known, counting, turns));
}

function numberOf(value: Constant | undefined): number | undefined {
  return value && numbersOf(value)[0];
}

/** Whether the condition is the one before, or a constant. */
function staysTrue(body: Graph, { constants }: Counting): boolean {
  const name = body.outputs[0]!.name;
  return name === body.inputs[1]!.name || (constants.has(name) && numberOf(constants.get(name)) !== 0);
}

function countingOf(node: Node, body: Graph, known: Known): Counting | undefined {
  const initial = node.inputs.slice(2);
  const place = new Map(body.inputs.map(({ name }, i) => [name, i - 2]));
  const makers = new Map(body.nodes.flatMap(one => one.outputs.map(name => [name, one] as const)));
  const states = new Set<number>();
  const nodes = new Set<Node>();
  const constants = new Map<string, Constant>();
  const wanted = new Set([body.outputs[0]!.name]);
  for (const name of wanted) {
    const state = place.get(name);
    const maker = makers.get(name);
    if (state !== undefined) {
      // The number of the turn and the condition before are no states.
      if (state < 0) continue;
      if (!known(initial[state])) return undefined;
      states.add(state);
      wanted.add(body.outputs[1 + state]!.name);
    } else if (maker) {
      if (RANDOM.test(maker.op)) return undefined;
      nodes.add(maker);
      for (const source of readBy(maker)) wanted.add(source);
    } else {
      const value = body.constants.get(name) ?? known(name);
      if (!value) return undefined;
      constants.set(name, value);
    }
  }
  return { states: [...states], nodes: body.nodes.filter(one => nodes.has(one)), constants };
}

/** A graph without inputs that loops over what counts alone, and gives out a row for each turn. */
function counter(node: Node, body: Graph, known: Known, { states, nodes, constants }: Counting, turns: number): Graph {
  const { opset } = body;
  const taken = new Set<string>();
  collectNames(body, taken);
  const inner = new GraphBuilder({ opset, taken });
  const given = [0, 1, ...states.map(i => 2 + i)].map(i => body.inputs[i]!);
  const made = [body.outputs[0]!, ...states.map(i => body.outputs[1 + i]!), body.inputs[0]!];
  const outputs = made.map(value => ({ ...value, name: inner.op('Identity', [value.name]) }));
  const value: Graph = { opset, nodes: [...nodes, ...inner.nodes], constants, inputs: given, outputs };
  const outer = new GraphBuilder({ opset, taken });
  const inputs = [
    outer.constant(constant.int64([], [turns])),
    outer.constant({ dtype: DType.bool, dims: [], data: Uint8Array.of(1) }),
    ...states.map(i => outer.constant(known(node.inputs[2 + i])!)),
  ];
  const rows = outer.ops('Loop', inputs, states.length + 1, { body: { type: 'graph', value } }).at(-1)!;
  const shape = outer.op('Shape', [rows], { start: attr.int(0), end: attr.int(1) });
  const first = outer.op('Gather', [shape, outer.ints([0])]);
  return {
    ...{ opset, nodes: outer.nodes, constants: outer.constants, inputs: [] },
    outputs: [{ name: first, dtype: DType.int64, dims: [1] }],
  };
}

/** The number that a graph without inputs gives; undefined where ONNX Runtime can't run it. */
async function run(graph: Graph): Promise<number | undefined> {
  try {
    const session = await createSession(encodeByReference(graph), {
      graphOptimizationLevel: 'disabled',
      logSeverityLevel: 4,
    });
    try {
      const found = (await session.run({}))[graph.outputs[0]!.name]!;
      return Number(found.data[0]);
    } finally {
      await session.release();
    }
  } catch {
    return undefined;
  }
}
