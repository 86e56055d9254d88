import type { LayerCall } from './topology.ts';

/** A stored weight's name: how the file calls it, and the outermost layer or model that it is listed under, if it is. */
export interface StoredName {
  readonly name: string;
  readonly group?: string;
}

/** Keras's words for some weights. */
const ROLES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  DepthwiseConv2D: { kernel: 'depthwise_kernel' },
  // It has no name of its own there.
  LayerScale: { variable: 'gamma', Variable: 'gamma' },
};

/**
 * What TF.js calls a weight: `layer/kernel`, without the models that the layer lies in and without Keras's `:0`. A
 * name whose layer isn't found stays.
 */
export function weightNames(calls: readonly LayerCall[]): (stored: StoredName) => string {
  const layers = new Map(calls.map(call => [call.path.join('/'), call]));
  const all = [...layers.values()];
  return ({ name: stored, group }) => {
    const name = stored.replace(/:\d+$/, '');
    const at = name.lastIndexOf('/');
    const [owner, role] = [name.slice(0, Math.max(0, at)), name.slice(at + 1)];
    const within = all.filter(({ path }) => group === undefined || path[0] === group);
    const own = (call: LayerCall) => call.path.at(-1)!;
    const found =
      (group === undefined ? undefined : within.find(({ path }) => path.length === 1)) ??
      within.find(call => own(call) === owner) ??
      within.filter(call => owner.endsWith(`/${own(call)}`)).sort((a, b) => own(b).length - own(a).length)[0];
    return found ? `${own(found)}/${ROLES[found.className]?.[role.replace(/_\d+$/, '')] ?? role}` : name;
  };
}
