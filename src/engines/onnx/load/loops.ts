import { attr, constant, DType, type Graph, type Node, read } from '../graph/graph.ts';
import { Inlining } from './inlining.ts';
import type { ProbedShapes } from './probe-shapes.ts';
import { type Known, turnsOf } from './turns.ts';

/** Longer loops stay loops: their scores can be had, and a graph of so many copies would be no help. */
const MOST_TURNS = 256;
const MOST_NODES = 20_000;

/**
 * The graph with every Loop whose number of turns is known, and every Scan along an axis of known length, written turn
 * by turn, so that it can be differentiated; undefined where there is none.
 */
export async function withoutLoops(graph: Graph, findings: ProbedShapes): Promise<Graph | undefined> {
  if (!graph.nodes.some(node => node.domain === '' && (node.op === 'Loop' || node.op === 'Scan'))) return undefined;
  const known: Known = name => findings.values.get(name ?? '') ?? graph.constants.get(name ?? '');
  const inlining = new Inlining(graph);
  let changed = false;
  for (const node of graph.nodes) {
    const done = node.domain === '' && ((await loop(node, known, inlining)) || scan(node, findings, inlining));
    if (done) changed = true;
    else inlining.nodes.push(node);
  }
  return changed ? inlining.graph() : undefined;
}

function bodyOf(node: Node, turns: number): Graph | undefined {
  const body = node.attrs.body;
  if (body?.type !== 'graph' || turns > MOST_TURNS || turns * body.value.nodes.length > MOST_NODES) return undefined;
  return body.value;
}

/** Whether a loop was written turn by turn. */
async function loop(node: Node, known: Known, to: Inlining): Promise<boolean> {
  if (node.op !== 'Loop') return false;
  const states = node.inputs.slice(2);
  const inner = bodyOf(node, 0);
  const turns = inner && (await turnsOf(node, inner, known, MOST_TURNS));
  const body = turns === undefined ? undefined : bodyOf(node, turns);
  const scans = (body?.outputs.length ?? 0) - 1 - states.length;
  if (turns === undefined || !body || (turns === 0 && scans > 0)) return false;

  const shared = to.constantsOf(body, node.name);
  const yes = to.constant({ dtype: DType.bool, dims: [], data: Uint8Array.of(1) }, `${node.name}/condition`);
  let state: readonly string[] = states;
  const rows: string[][] = Array.from({ length: scans }, () => []);
  for (let t = 0; t < turns; t++) {
    const turn = `${node.name}/${t}`;
    const dims = body.inputs[0]!.dims.length === 1 ? [1] : [];
    const iteration = to.constant(constant.int64(dims, [t]), `${turn}/iteration`);
    const given = new Map(shared);
    for (const [i, name] of [iteration, yes, ...state].entries()) given.set(body.inputs[i]!.name, name);
    const outputs = to.copy(body, given, turn);
    state = outputs.slice(1, 1 + states.length);
    for (const [i, row] of rows.entries()) row.push(outputs[1 + states.length + i]!);
  }
  for (const [i, name] of state.entries()) to.pass(name, node.outputs[i] ?? '', node);
  for (const [i, row] of rows.entries()) stack(row, node.outputs[states.length + i] ?? '', 0, node, to);
  return true;
}

/** Whether a scan was written step by step. */
function scan(node: Node, { infos }: ProbedShapes, to: Inlining): boolean {
  if (node.op !== 'Scan') return false;
  const count = read.int(node, 'num_scan_inputs', 0);
  const states = node.inputs.slice(0, node.inputs.length - count);
  const list = (key: string, i: number) => read.ints(node, key)?.[i] ?? 0;
  const inputs = node.inputs.slice(states.length).map((name, i) => {
    const dims = infos.get(name)?.dims ?? [];
    const axis = list('scan_input_axes', i);
    const from = axis < 0 ? axis + dims.length : axis;
    return { name, axis: from, length: dims[from], backwards: list('scan_input_directions', i) === 1 };
  });
  const turns = inputs[0]?.length;
  if (typeof turns !== 'number' || turns === 0 || inputs.some(({ length }) => length !== turns)) return false;
  const body = bodyOf(node, turns);
  if (!body) return false;

  const shared = to.constantsOf(body, node.name);
  let state: readonly string[] = states;
  const rows: string[][] = Array.from({ length: body.outputs.length - states.length }, () => []);
  for (let t = 0; t < turns; t++) {
    const turn = `${node.name}/${t}`;
    const steps = inputs.map(({ name, axis, backwards }, i) => {
      const at = to.constant(constant.int64([], [backwards ? turns - 1 - t : t]), `${turn}/step`);
      return to.add('Gather', [name, at], `${turn}/input${i}`, { axis: attr.int(axis) });
    });
    const given = new Map(shared);
    for (const [i, name] of [...state, ...steps].entries()) given.set(body.inputs[i]!.name, name);
    const outputs = to.copy(body, given, turn);
    state = outputs.slice(0, states.length);
    for (const [i, row] of rows.entries()) row.push(outputs[states.length + i]!);
  }
  for (const [i, name] of state.entries()) to.pass(name, node.outputs[i] ?? '', node);
  for (const [i, row] of rows.entries()) {
    const ordered = list('scan_output_directions', i) === 1 ? row.toReversed() : row;
    stack(ordered, node.outputs[states.length + i] ?? '', list('scan_output_axes', i), node, to);
  }
  return true;
}

/** Puts what the turns gave side by side along a new axis. */
function stack(rows: readonly string[], output: string, axis: number, node: Node, to: Inlining): void {
  if (output === '') return;
  const axes = to.constant(constant.ints([axis]), `${node.name}/axis`);
  const parts = rows.map((row, t) => to.add('Unsqueeze', [row, axes], `${node.name}/${t}/row`));
  to.pass(to.add('Concat', parts, `${node.name}/rows`, { axis: attr.int(axis) }), output, node);
}
