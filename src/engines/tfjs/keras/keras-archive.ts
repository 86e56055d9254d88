import { unzipSync } from 'fflate';
import type { Dataset, Group } from 'h5wasm';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { type H5Model, type H5Weight, readBytes, valuesOf, withH5 } from './keras-h5.ts';
import { inKeras2Words } from './keras-words.ts';
import { type LayerCall, readCalls } from './topology.ts';

/** What is read of an archive; nothing else is unpacked. */
const PARTS: readonly string[] = ['metadata.json', 'config.json', 'model.weights.h5'];

/**
 * Reads a .keras archive, as Keras 3 saves models.
 * @throws CtXaiError MODEL if it is none, or its weights can't be told apart.
 */
export async function readKerasArchive(file: string): Promise<H5Model> {
  const fault = (what: string, cause?: unknown) =>
    new CtXaiError('MODEL', `${file}: ${what}`, {
      hint: "Load it in Keras and save it as .h5: model.save('model.h5'). That file can be read too.",
      cause,
    });
  const bytes = readBytes(file);
  let parts: { config: unknown; version: string; weights: Buffer };
  try {
    const files = unzipSync(bytes, { filter: ({ name }) => PARTS.includes(name) });
    const read = (name: string) => {
      const found = files[name];
      if (!found) throw new Error(`it holds no ${name}`);
      return Buffer.from(found.buffer, found.byteOffset, found.byteLength);
    };
    const about = JSON.parse(read('metadata.json').toString()) as { keras_version?: string };
    const config = JSON.parse(read('config.json').toString());
    parts = { config, version: about.keras_version ?? '3', weights: read('model.weights.h5') };
  } catch (cause) {
    throw fault(`it can't be read as a .keras archive: ${messageOf(cause)}.`, cause);
  }
  const topology = { keras_version: parts.version, model_config: parts.config };
  const calls = readCalls(inKeras2Words(topology, file), file);
  const layers = new Map(calls.map(call => [call.path.join('/'), call]));
  const weights = await withH5(parts.weights, file, root => weightsIn(root, layers, [], fault));
  return { topology, weights };
}

/** The weights of a model's layers. A layer's group has its name as an attribute; its weights are numbered. */
function weightsIn(
  model: Group,
  layers: ReadonlyMap<string, LayerCall>,
  outer: readonly string[],
  fault: (what: string) => CtXaiError,
): H5Weight[] {
  const all = model.get('layers') as Group | null;
  return (all?.keys() ?? []).flatMap(key => {
    const group = all!.get(key) as Group;
    const vars = group.get('vars') as Group | null;
    const name = vars?.attrs.name?.value;
    if (typeof name !== 'string') throw fault(`its weights do not say whose they are ('${key}').`);
    const path = [...outer, name];
    if (group.keys().includes('layers')) return weightsIn(group, layers, path, fault);
    const numbers = vars!.keys().sort((a, b) => Number(a) - Number(b));
    if (numbers.length === 0) return [];
    const layer = layers.get(path.join('/'));
    const roles = (layer && rolesOf(layer)) ?? numbers.map(number => `weight-${number}`);
    if (roles.length !== numbers.length) {
      throw fault(
        `layer '${name}' (${layer?.className ?? key}) has ${numbers.length} weights; ${roles.length} expected.`,
      );
    }
    return numbers.map((number, i) => {
      const set = vars!.get(number) as Dataset;
      return { group: path[0]!, name: `${name}/${roles[i]}`, ...valuesOf(set, `${name}/${roles[i]}`, fault) };
    });
  });
}

/** A layer's weights, in the order in which Keras 3 makes them; undefined for layers that aren't known. */
function rolesOf({ className, config }: LayerCall): readonly string[] | undefined {
  const when = (key: string, role: string) => (config[key] === false ? [] : [role]);
  switch (className) {
    case 'Conv2D':
    case 'Conv2DTranspose':
    case 'Dense':
      return ['kernel', ...when('use_bias', 'bias')];
    case 'DepthwiseConv2D':
      return ['depthwise_kernel', ...when('use_bias', 'bias')];
    case 'SeparableConv2D':
      return ['depthwise_kernel', 'pointwise_kernel', ...when('use_bias', 'bias')];
    case 'BatchNormalization':
      return [...when('scale', 'gamma'), ...when('center', 'beta'), 'moving_mean', 'moving_variance'];
    case 'GroupNormalization':
    case 'LayerNormalization':
      return [...when('scale', 'gamma'), ...when('center', 'beta')];
    case 'LayerScale':
      return ['gamma'];
    case 'PReLU':
      return ['alpha'];
    case 'Normalization':
      return ['mean', 'variance', 'count'];
    default:
      return undefined;
  }
}
