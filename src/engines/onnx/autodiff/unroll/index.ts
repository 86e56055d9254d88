import { type Constant, constant, type Node, read } from '../../graph/graph.ts';
import { builderFor } from '../../graph/walk.ts';
import type { NormalisedModel } from '../../load/load-model.ts';
import { type Cell, type CellState, KINDS } from './cells.ts';
import { DescribedBuilder } from './described-builder.ts';

/**
 * The same function with recurrent layers (RNN, GRU, LSTM) written step by step in ordinary operators, so that they can
 * be differentiated. Layers with run-time weights or lengths, peepholes, clipping or other activations stay as they are.
 */
export function unrolled(model: NormalisedModel): NormalisedModel {
  const { graph } = model;
  if (!graph.nodes.some(node => node.domain === '' && node.op in KINDS)) return model;
  const builder = builderFor(graph, model.infos.keys());
  const [infos, values] = [new Map(model.infos), new Map(model.values)];
  const b = new DescribedBuilder(builder, infos, values);
  for (const node of graph.nodes) {
    const recurrent = node.domain === '' && node.op in KINDS;
    if (!recurrent || whyNotUnrolled(node, model) !== undefined) {
      builder.push(node);
      continue;
    }
    const outputs = written(node, b, model);
    for (const [i, name] of node.outputs.entries()) {
      if (name === '') continue;
      builder.push({
        op: 'Identity',
        domain: '',
        name: builder.fresh('Identity'),
        inputs: [outputs[i]!],
        outputs: [name],
        attrs: {},
      });
    }
  }
  const constants = new Map([...graph.constants, ...builder.constants]);
  return { ...model, infos, values, graph: { ...graph, nodes: builder.nodes, constants } };
}

/** Inputs of recurrent layers that they can do without, by their places. */
const LENGTHS = 4;
const PEEPHOLES = 7;

/** Why a recurrent layer stays as it is; undefined of other operators, and of one that is written step by step. */
export function whyNotUnrolled(node: Node, { infos, values }: NormalisedModel): string | undefined {
  const kind = node.domain === '' ? KINDS[node.op] : undefined;
  if (!kind) return undefined;
  const named = node.attrs.activations?.type === 'strings' ? node.attrs.activations.value : undefined;
  const usual = new Array<string>(directionsOf(node)).fill(kind.activations).join(' ');
  if (named !== undefined && named.join(' ') !== usual) {
    return `its attribute 'activations' names ${named.join(', ')}, and only ${usual.replaceAll(' ', ', ')} is supported`;
  }
  if (node.attrs.clip) return "its attribute 'clip' is not supported";
  if (read.int(node, 'input_forget', 0) !== 0) return "its attribute 'input_forget' is not supported";
  if (node.inputs[LENGTHS]) return "its input 'sequence_lens' is not supported";
  if (node.inputs[PEEPHOLES]) return "its peepholes, the input 'P', are not supported";
  const weights = node.inputs.slice(1, 4).filter(name => name !== '');
  if (weights.some(name => !(values.get(name)?.data instanceof Float32Array))) return 'its weights are no constants';
  const length = infos.get(node.inputs[0]!)?.dims[batchFirst(node) ? 1 : 0];
  return typeof length === 'number' ? undefined : 'the axis of its steps has no fixed length, as where it is the batch';
}

const directionsOf = (node: Node) => (read.string(node, 'direction', 'forward') === 'bidirectional' ? 2 : 1);
const batchFirst = (node: Node) => read.int(node, 'layout', 0) === 1;

/** The outputs of a layer that can be written: all states, the last one, the last cell. */
function written(node: Node, b: DescribedBuilder, { values }: NormalisedModel): string[] {
  const { gates, cell } = KINDS[node.op]!;
  const directions = directionsOf(node);
  const [x = '', wName = '', rName = '', biasName = '', , h0 = '', c0 = ''] = node.inputs;
  const [w, r, bias] = [values.get(wName)!, values.get(rName)!, values.get(biasName)];
  const turn = (name: string) => (batchFirst(node) ? b.transposed(name, [1, 0, 2]) : name);
  const steps = turn(x);
  const length = b.dims(steps)[0]!;
  const hidden = r.dims[2]!;
  const [allH, allC] = [h0, c0].map(name => (name === '' ? undefined : turn(name)));

  const states: string[][] = [];
  const last: CellState[] = [];
  for (let d = 0; d < directions; d++) {
    const made = cell({
      ...{ node, hidden },
      w: part(w, d, [gates * hidden, w.dims[2]!]),
      r: part(r, d, [gates * hidden, hidden]),
      bias: bias && (part(bias, d, [2 * gates * hidden]).data as Float32Array),
    });
    const backwards = d === 1 || read.string(node, 'direction', 'forward') === 'reverse';
    const start = { h: allH && b.at(allH, d), c: allC && b.at(allC, d) };
    const found = stepped(b, made, steps, length, backwards, start);
    states.push(found.states);
    last.push(found.last);
  }
  const all = b.stacked(Array.from({ length }, (_, t) => b.stacked(states.map(own => own[t]!))));
  const ends = [
    b.stacked(last.map(state => state.h!)),
    ...(node.op === 'LSTM' ? [b.stacked(last.map(state => state.c!))] : []),
  ];
  return [batchFirst(node) ? b.transposed(all, [2, 0, 1, 3]) : all, ...ends.map(turn)];
}

/** The states of all steps in the order of time, and the one that is computed last. */
function stepped(
  b: DescribedBuilder,
  cell: Cell,
  x: string,
  length: number,
  backwards: boolean,
  start: CellState,
): { readonly states: string[]; readonly last: CellState } {
  const product = b.times(x, cell.input);
  const inputs = cell.bias ? b.pointwise('Add', product, b.constant(cell.bias)) : product;
  const states = new Array<string>(length);
  let state = start;
  for (let k = 0; k < length; k++) {
    const t = backwards ? length - 1 - k : k;
    const next = cell.step(b, b.at(inputs, t), state);
    states[t] = next.h!;
    state = next;
  }
  return { states, last: state };
}

/** Entry `i` of a constant's first axis. */
function part({ data }: Constant, i: number, dims: readonly number[]): Constant {
  const size = dims.reduce((a, d) => a * d, 1);
  return constant.float(dims, (data as Float32Array).subarray(i * size, (i + 1) * size));
}
