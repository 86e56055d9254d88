import { CtXaiError } from '../../../core/errors.ts';
import type { Attr, Constant, Graph, Node } from '../graph/graph.ts';
import type { NormalisedModel } from '../load/load-model.ts';

/**
 * The model with the constants of another file of the same architecture, such as a retrained one: its nodes, one after
 * the other, must be the same but for names and values. Layers keep the names of the original.
 * @throws CtXaiError MODEL where the two are not the same architecture, with the first difference
 */
export function withConstantsOf(model: NormalisedModel, other: NormalisedModel, file: string): NormalisedModel {
  const differs = (what: string): never => {
    throw new CtXaiError('MODEL', `${file}: it is not the same architecture as the original: ${what}.`, {
      hint: 'A variant of weights is the same network, exported in the same way.',
    });
  };
  const [ours, theirs] = [model.graph.nodes, other.graph.nodes];
  if (ours.length !== theirs.length) differs(`it has ${theirs.length} operators, not ${ours.length}`);
  /** The original's tensor, by the other's name. */
  const same = new Map([[other.input, model.input]]);
  const values = new Map<string, Constant>();
  for (const [i, node] of ours.entries()) {
    const twin = theirs[i]!;
    const at = `operator ${i + 1} is ${twin.op} '${twin.name}', in the original ${node.op} '${node.name}'`;
    if (twin.op !== node.op || twin.domain !== node.domain || twin.inputs.length !== node.inputs.length) differs(at);
    if (settingsOf(twin) !== settingsOf(node)) differs(`${at}, with other settings`);
    for (const [k, name] of node.inputs.entries()) {
      const theirName = twin.inputs[k]!;
      const [a, b] = [model.values.get(name), other.values.get(theirName)];
      if (a && b) {
        if (a.dtype !== b.dtype || String(a.dims) !== String(b.dims)) {
          differs(`${at}, with weights [${b.dims}], not [${a.dims}]`);
        }
        const known = values.get(name);
        if (known && known !== b) differs(`${at}, with weights of its own where the original shares them`);
        values.set(name, b);
      } else if (a || b || (theirName !== '' && same.get(theirName) !== name) || (theirName === '') !== (name === '')) {
        differs(`${at}, which reads something else`);
      }
    }
    for (const [k, name] of node.outputs.entries()) same.set(twin.outputs[k]!, name);
  }
  const constants = new Map([...model.graph.constants].map(([name, c]) => [name, values.get(name) ?? c]));
  return { ...model, graph: { ...model.graph, constants }, values: new Map([...model.values, ...values]) };
}

/** A node's attributes as text, weights in them left out. */
function settingsOf({ attrs }: Node): string {
  const shown = (a: Attr): unknown => {
    if (a.type === 'tensor')
      return [a.value.dtype, a.value.dims, Array.from(a.value.data as ArrayLike<unknown>, String)];
    if (a.type === 'graph') return graphText(a.value);
    return [a.type, a.value];
  };
  const entries = Object.entries(attrs).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify(entries.map(([name, a]) => [name, shown(a)]));
}

function graphText({ nodes }: Graph): unknown {
  return nodes.map(node => [node.op, settingsOf(node)]);
}
