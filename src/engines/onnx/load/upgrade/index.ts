import { CtXaiError } from '../../../../core/errors.ts';
import { type Attr, type Graph, GraphBuilder, type Node } from '../../graph/graph.ts';
import { collectNames, readBy } from '../../graph/walk.ts';
import { attentionRules } from './attention.ts';
import { contribRules } from './contrib.ts';
import { inputRules } from './inputs.ts';
import { newerRules } from './newer.ts';
import { respelledRules } from './respelled.ts';
import { scikitLearnRules } from './scikit-learn.ts';
import { normalisationRules } from './upgrade-normalisation.ts';
import { resizeRules } from './upgrade-resize.ts';
import { softmaxRules } from './upgrade-softmax.ts';
import { OPSET, type UpgradeRules, type UpgradeState, Upgrading } from './upgrading.ts';

export { OPSET };

/** Opsets of files that are read; the newest is the newest that ONNX Runtime 1.30 takes. */
const OLDEST = 7;
const NEWEST = 26;

const RULES: UpgradeRules = {
  ...inputRules,
  ...resizeRules,
  ...softmaxRules,
  ...normalisationRules,
  ...respelledRules,
  ...attentionRules,
  ...newerRules,
};

/** By domain. */
const DOMAINS: ReadonlyMap<string, UpgradeRules> = new Map([
  ['', RULES],
  ['com.microsoft', contribRules],
  ['ai.onnx.ml', scikitLearnRules],
]);

/**
 * The same graph in the internal opset. Operators that opsets since 7 left as they are (or gave more types) pass
 * unchanged; those of other domains pass too, but for the few of ONNX Runtime's and of scikit-learn's exports that have
 * standard equivalents. A graph with an operator that came later and has no equivalent stays in its own opset, which
 * differs from the internal one in new operators and types only.
 * @param file how messages call the model
 * @throws CtXaiError MODEL for opsets and operators that can't be brought to it, and for exports in training mode.
 */
export function upgrade(graph: Graph, file: string): Graph {
  if (graph.opset < OLDEST || graph.opset > NEWEST) {
    throw new CtXaiError('MODEL', `${file}: opset ${graph.opset} is not read; ${OLDEST} to ${NEWEST} are.`, {
      hint: 'Export the model again with opset 18.',
    });
  }
  const state: UpgradeState = { file, taken: new Set(), keepsOpset: false };
  collectNames(graph, state.taken);
  const done = upgraded(graph, state);
  return state.keepsOpset ? { ...done, opset: graph.opset } : done;
}

function upgraded(graph: Graph, state: UpgradeState): Graph {
  const { taken } = state;
  // Inner graphs first: their new names must not be given again out here.
  const nodes = graph.nodes.map(node => withSubgraphs(node, graph.opset, state));
  const builder = new GraphBuilder({ opset: OPSET, taken });
  const used = new Set(graph.outputs.map(o => o.name));
  for (const node of nodes) for (const name of readBy(node)) used.add(name);
  const u = new Upgrading(graph, state, builder, used);
  for (const node of nodes) {
    const rule = DOMAINS.get(node.domain)?.[node.op];
    if (rule) rule(node, u);
    else builder.push(node);
  }
  const constants = new Map([...graph.constants, ...builder.constants]);
  const done = { ...graph, opset: OPSET, nodes: builder.nodes, constants };
  collectNames(done, taken);
  return done;
}

function withSubgraphs(node: Node, opset: number, state: UpgradeState): Node {
  const entries = Object.entries(node.attrs);
  if (!entries.some(([, a]) => a.type === 'graph')) return node;
  const attrs = entries.map(([key, a]): [string, Attr] => {
    if (a.type !== 'graph') return [key, a];
    return [key, { type: 'graph', value: upgraded({ ...a.value, opset }, state) }];
  });
  return { ...node, attrs: Object.fromEntries(attrs) };
}
