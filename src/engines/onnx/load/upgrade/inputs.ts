import { type Attr, constant, type Node, read } from '../../graph/graph.ts';
import { before, intsToInput, type UpgradeRules, type Upgrading, without } from './upgrading.ts';

/** Operators whose parameters moved from attributes to inputs. */

const axesToInput = (since: number) => before(since, (node, u) => intsToInput(node, u, 'axes', 1));

/** Split 13 takes its sizes as an input; Split 18 wants to hear `num_outputs` where there are none. */
function split(node: Node, u: Upgrading): void {
  const sized = node.attrs.split !== undefined || Boolean(node.inputs[1]);
  const attrs = without(node, 'num_outputs');
  const full = sized ? attrs : { ...attrs, num_outputs: { type: 'int', value: node.outputs.length } as Attr };
  if (u.from >= 13) u.replace(node, { attrs: full });
  else intsToInput({ ...node, attrs: full }, u, 'split', 1);
}

function slice(node: Node, u: Upgrading): void {
  const starts = read.ints(node, 'starts') ?? [];
  const ends = read.ints(node, 'ends') ?? [];
  const axes = read.ints(node, 'axes') ?? starts.map((_, i) => i);
  const inputs = [starts, ends, axes].map(values => u.builder.constant(constant.ints(values)));
  u.replace(node, { inputs: [node.inputs[0]!, ...inputs], attrs: {} });
}

function pad(node: Node, u: Upgrading): void {
  const pads = read.ints(node, 'pads') ?? read.ints(node, 'paddings') ?? [];
  const inputs = [node.inputs[0]!, u.builder.constant(constant.ints(pads))];
  const value = read.float(node, 'value', 0);
  if (value !== 0) inputs.push(u.builder.scalar(value));
  u.replace(node, { inputs, attrs: without(node, 'pads', 'paddings', 'value') });
}

function clip(node: Node, u: Upgrading): void {
  const bound = (key: string) => (node.attrs[key] ? u.builder.scalar(read.float(node, key, 0)) : '');
  const inputs = [node.inputs[0]!, bound('min'), bound('max')];
  while (inputs.at(-1) === '') inputs.pop();
  u.replace(node, { inputs, attrs: {} });
}

function topK(node: Node, u: Upgrading): void {
  const k = u.builder.constant(constant.ints([read.int(node, 'k', 1)]));
  u.replace(node, { inputs: [node.inputs[0]!, k], attrs: without(node, 'k') });
}

export const inputRules: UpgradeRules = {
  Squeeze: axesToInput(13),
  Unsqueeze: axesToInput(13),
  ReduceSum: axesToInput(13),
  ReduceMean: axesToInput(18),
  ReduceMax: axesToInput(18),
  ReduceMin: axesToInput(18),
  ReduceProd: axesToInput(18),
  ReduceL1: axesToInput(18),
  ReduceL2: axesToInput(18),
  ReduceLogSum: axesToInput(18),
  ReduceLogSumExp: axesToInput(18),
  ReduceSumSquare: axesToInput(18),
  Split: split,
  Slice: before(10, slice),
  Pad: before(11, pad),
  Clip: before(11, clip),
  TopK: before(10, topK),
};
