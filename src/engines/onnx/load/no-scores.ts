import { CtXaiError } from '../../../core/errors.ts';
import { type Graph, NO_TENSOR, typeName, type ValueInfo } from '../graph/graph.ts';
import { producers } from '../graph/walk.ts';

/** What an output that holds no floats is. */
export function kindOf({ dtype }: ValueInfo): string {
  return dtype === NO_TENSOR ? 'is no tensor (a map or a sequence)' : `holds ${typeName(dtype)}`;
}

/** Refuses a file none of whose outputs holds floats. */
export function noOutput(graph: Graph, file: string): CtXaiError {
  if (graph.outputs.length === 0) {
    return new CtXaiError('MODEL', `${file}: it has no output.`, { hint: 'Export the network again.' });
  }
  const all = graph.outputs.map(o => `'${o.name}' ${kindOf(o)}`).join(', ');
  return noScores(graph, file, `none of its outputs holds scores, which are floats: ${all}`);
}

/** Operators behind which no scores are left: decisions, and what only rearranges these. */
const DECIDING: ReadonlySet<string> = new Set([
  ...[
    'ArgMax',
    'ArgMin',
    'TopK',
    'ArrayFeatureExtractor',
    'Cast',
    'Identity',
    'QuantizeLinear',
    'SequenceConstruct',
    'Round',
  ],
  ...['Greater', 'GreaterOrEqual', 'Less', 'LessOrEqual', 'Equal', 'Not', 'Squeeze', 'Unsqueeze', 'Flatten', 'Reshape'],
]);

/** scikit-learn's classifiers put out a label, then the scores. */
const LABELLING = /Classifier$/;

/** Refuses a file whose outputs are decisions or maps, and names the tensor that they were made from. */
export function noScores(graph: Graph, file: string, what: string): CtXaiError {
  const made = producers(graph);
  const before = graph.outputs.flatMap(({ name }) => {
    let node = made.get(name);
    while (node && DECIDING.has(node.op)) {
      // An ArrayFeatureExtractor looks a label up by its number.
      const source = node.inputs[node.op === 'ArrayFeatureExtractor' ? 1 : 0]!;
      node = made.get(source);
      if (node && LABELLING.test(node.op)) break;
      if (node && !DECIDING.has(node.op)) return [source];
    }
    return node && LABELLING.test(node.op) && node.outputs[1] ? [node.outputs[1]] : [];
  });
  const advice =
    before.length > 0 ? `Name it in the card: 'output: ${before[0]}'.` : "Name it in the card, 'output: …'.";
  return new CtXaiError('CARD', `${file}: ${what}.`, {
    hint: `The scores must be a tensor of floats, [images, classes]; it may lie inside the graph. ${advice}`,
  });
}
