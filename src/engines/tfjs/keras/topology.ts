import { CtXaiError } from '../../../core/errors.ts';
import { type KerasReference, MODELS, references } from './keras-json.ts';
import type { Config } from './layer-config.ts';

/** One use of a layer, in the order of computation. */
export interface LayerCall {
  /** The layer's path, `block/conv`; the second use of a shared layer is `block/conv:1`. Unique. */
  readonly name: string;
  /** The names of the models it lies in, the outermost left out, and its own. */
  readonly path: readonly string[];
  readonly className: string;
  readonly config: Config;
  /** The calls whose outputs it takes. */
  readonly inputs: readonly string[];
}

/** A layers model with its nested models opened up. */
export interface Topology {
  /** [h, w, c]; null where any size goes. */
  readonly inputShape: readonly (number | null)[];
  /** The input layer is the first. */
  readonly calls: readonly LayerCall[];
  /** The call whose output are the scores. */
  readonly output: string;
}

interface LayerJson {
  readonly class_name?: unknown;
  readonly name?: unknown;
  readonly config?: unknown;
  readonly inbound_nodes?: unknown;
}

/**
 * Reads the layers of a `modelTopology`, as Keras 2 and 3 and TF.js write it.
 * @param output the layer with the scores, where there are several outputs
 * @throws CtXaiError MODEL if it can't be followed, or does not take one image.
 */
export function readTopology(topology: unknown, file: string, output?: string): Topology {
  const { opened, outputs } = openedFrom(topology, file);
  const names = outputs.map(o => o.split('/').at(-1)!);
  const chosen = output === undefined ? 0 : outputs.findIndex((o, i) => o === output || names[i] === output);
  if (chosen < 0 || (output === undefined && outputs.length !== 1)) {
    throw opened.fault(
      `it has ${outputs.length} outputs: ${names.join(', ')}.`,
      "Name the one with the scores in a card (model.yaml): 'output: …'.",
    );
  }
  const inputs = opened.calls.filter(call => call.className === 'InputLayer');
  if (inputs.length !== 1) throw opened.fault(`it has ${inputs.length} inputs; one image is expected.`);
  const { config } = inputs[0]!;
  const shape = config.batch_input_shape ?? config.batch_shape ?? config.batchInputShape;
  if (!Array.isArray(shape) || shape.length !== 4) {
    throw opened.fault(`its input is [${String(shape)}]; images [batch, rows, columns, channels] are expected.`);
  }
  return { inputShape: shape.slice(1) as (number | null)[], calls: opened.calls, output: outputs[chosen]! };
}

/** The uses of layers alone. @throws CtXaiError MODEL if they can't be followed */
export function readCalls(topology: unknown, file: string): readonly LayerCall[] {
  return openedFrom(topology, file).opened.calls;
}

function openedFrom(topology: unknown, file: string): { opened: Opener; outputs: readonly string[] } {
  const opened = new Opener(file);
  const root = objectOf(topology);
  const model = (root.model_config ?? root) as LayerJson;
  if (!MODELS.has(String(model.class_name))) throw opened.fault(`its topology is no model but '${model.class_name}'.`);
  return { opened, outputs: opened.model(model, [], undefined) };
}

class Opener {
  readonly calls: LayerCall[] = [];
  readonly #file: string;
  readonly #names = new Set<string>();

  constructor(file: string) {
    this.#file = file;
  }

  fault(what: string, hint?: string): CtXaiError {
    return new CtXaiError('MODEL', `${this.#file}: ${what}`, hint === undefined ? {} : { hint });
  }

  /** Adds a model's layers. `inputs`: what is fed to it; undefined: it begins with the image. @returns its outputs. */
  model(json: LayerJson, path: readonly string[], inputs: readonly string[] | undefined): readonly string[] {
    const config = Array.isArray(json.config) ? { layers: json.config } : objectOf(json.config);
    if (!Array.isArray(config.layers)) throw this.fault(`the model '${path.join('/')}' has no list of layers.`);
    const layers = config.layers as LayerJson[];
    if (json.class_name === 'Sequential') return this.#sequential(layers, path, inputs);
    return this.#functional(layers, config, path, inputs);
  }

  #sequential(layers: readonly LayerJson[], path: readonly string[], inputs: readonly string[] | undefined) {
    let now = inputs;
    for (const layer of layers) {
      if (layer.class_name === 'InputLayer') {
        now ??= [this.#call(layer, path, [])];
        continue;
      }
      const { batch_input_shape } = objectOf(layer.config);
      if (!now && batch_input_shape && !MODELS.has(String(layer.class_name))) {
        const input = { name: `${nameOf(layer)}_input`, batch_input_shape };
        now = [this.#call({ class_name: 'InputLayer', config: input }, path, [])];
      }
      now = this.#layer(layer, path, now);
    }
    if (!now) throw this.fault('it has no layers.');
    return now;
  }

  #functional(layers: readonly LayerJson[], config: Config, path: readonly string[], fed?: readonly string[]) {
    const made = new Map<string, (readonly string[])[]>();
    const starts = references(config.input_layers).map(([layer]) => layer);
    const jobs = layers.map(layer => ({ layer, uses: usesOf(layer), done: 0 }));
    const shifts = shiftsOf(jobs, [...jobs.flatMap(job => job.uses.flat()), ...references(config.output_layers)]);
    const resolve = ([layer, use, output]: KerasReference): string | undefined => {
      return made.get(layer)?.[use - (shifts.get(layer) ?? 0)]?.[output];
    };
    for (let moved = true; moved; ) {
      moved = false;
      for (const job of jobs) {
        const name = nameOf(job.layer);
        if (job.uses.length === 0 && !made.has(name)) {
          if (job.layer.class_name !== 'InputLayer') continue;
          const place = starts.indexOf(name);
          made.set(name, [[fed?.[Math.max(0, place)] ?? this.#call(job.layer, path, [])]]);
          moved = true;
        }
        while (job.done < job.uses.length) {
          const inputs = job.uses[job.done]!.map(resolve);
          if (inputs.some(i => i === undefined)) break;
          made.set(name, [...(made.get(name) ?? []), this.#layer(job.layer, path, inputs as string[])]);
          job.done++;
          moved = true;
        }
      }
    }
    this.#refuseLoose(jobs, resolve);
    return references(config.output_layers).map(ref => {
      const found = resolve(ref);
      if (found === undefined) throw this.fault(`its output '${ref[0]}' can't be traced back to its input.`);
      return found;
    });
  }

  /** Layers that take what is never made: TF.js would look for it for ever. */
  #refuseLoose(
    jobs: readonly { readonly layer: LayerJson; readonly uses: readonly KerasReference[][]; readonly done: number }[],
    resolve: (reference: KerasReference) => string | undefined,
  ): void {
    const names = new Set(jobs.map(({ layer }) => nameOf(layer)));
    for (const { layer, uses, done } of jobs) {
      const missing = uses[done]?.find(reference => resolve(reference) === undefined);
      if (!missing) continue;
      const why = names.has(missing[0]) ? 'which is not computed before it' : 'which the model does not have';
      throw this.fault(
        `layer '${nameOf(layer)}' takes output ${missing[2]} of use ${missing[1]} of '${missing[0]}', ${why}.`,
        'Export the model again; its file is damaged or was changed by hand.',
      );
    }
  }

  #layer(layer: LayerJson, path: readonly string[], inputs: readonly string[] | undefined): readonly string[] {
    if (MODELS.has(String(layer.class_name))) return this.model(layer, [...path, nameOf(layer)], inputs);
    if (!inputs) throw this.fault(`its first layer '${nameOf(layer)}' does not say what it takes.`);
    return [this.#call(layer, path, inputs)];
  }

  #call(layer: LayerJson, outer: readonly string[], inputs: readonly string[]): string {
    const path = [...outer, nameOf(layer)];
    let name = path.join('/');
    for (let i = 1; this.#names.has(name); i++) name = `${path.join('/')}:${i}`;
    this.#names.add(name);
    this.calls.push({ name, path, className: String(layer.class_name), config: objectOf(layer.config), inputs });
    return name;
  }
}

function objectOf(value: unknown): Config {
  return typeof value === 'object' && value !== null ? (value as Config) : {};
}

function nameOf(layer: LayerJson): string {
  return String(objectOf(layer.config).name ?? layer.name ?? layer.class_name);
}

/**
 * Some versions count a nested model's own making as its use 0, so that the last use is beyond its list of uses.
 * @returns by how much the uses of layers are counted too high
 */
function shiftsOf(
  jobs: readonly { readonly layer: LayerJson; readonly uses: readonly unknown[] }[],
  all: readonly KerasReference[],
): Map<string, number> {
  const last = new Map<string, number>();
  for (const [layer, use] of all) last.set(layer, Math.max(use, last.get(layer) ?? 0));
  return new Map(
    jobs.map(({ layer, uses }) => {
      const name = nameOf(layer);
      // An input layer has no uses, and counts as used once.
      return [name, Math.max(0, (last.get(name) ?? 0) - Math.max(0, uses.length - 1))];
    }),
  );
}

/** What each use of a layer takes. */
function usesOf(layer: LayerJson): KerasReference[][] {
  const nodes = layer.inbound_nodes;
  return Array.isArray(nodes) ? nodes.map(node => references(node)) : [];
}
