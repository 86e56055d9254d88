import { CtXaiError } from '../../core/errors.ts';

type Json = Readonly<Record<string, unknown>>;
type Reference = readonly [layer: string, use: number, output: number];

const MODELS: ReadonlySet<string> = new Set(['Sequential', 'Functional', 'Model', 'Network']);

function objectOf(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/**
 * A `modelTopology` in the words of Keras 2, which TF.js reads. What Keras 3 writes otherwise is put back (batch_shape,
 * type policies, calls as { args, kwargs }); what is in Keras 2's words already stays as it is.
 * @throws CtXaiError MODEL where Keras 3 means something that Keras 2's words can't say.
 */
export function inKeras2Words(topology: unknown, file: string): Json {
  const root = objectOf(topology) ?? {};
  const model = objectOf(root.model_config);
  const version = String(root.keras_version ?? '');
  const words = new Translator(file, version.startsWith('3'));
  return model ? { ...root, model_config: words.layer(model) } : words.layer(root);
}

class Translator {
  readonly #file: string;
  readonly #keras3: boolean;
  /** The nested models seen so far. */
  readonly #models = new Set<string>();

  constructor(file: string, keras3: boolean) {
    this.#file = file;
    this.#keras3 = keras3;
  }

  /** A layer, or a model. */
  layer(json: Json): Json {
    const { module, registered_name, build_config: _, compile_config: __, ...rest } = json;
    const className = String(json.class_name);
    const name = nameOf(json);
    if (registered_name !== undefined && registered_name !== null && registered_name !== className) {
      throw this.#fault(`layer '${name}' is of a class of its own, '${String(registered_name)}'.`);
    }
    // Arithmetic on tensors is written like layers: `2 * x` is a 'Multiply' of another module.
    if (typeof module === 'string' && /\bops\b/.test(module)) {
      throw this.#fault(`'${name}' is arithmetic (${module}), no layer.`);
    }
    const config = MODELS.has(className) ? this.#model(json.config) : this.#settings(json.config, className, name);
    const calls = json.inbound_nodes;
    const nodes = Array.isArray(calls) ? { inbound_nodes: calls.map(call => this.#call(call, name)) } : {};
    return { ...rest, ...(config === undefined ? {} : { config }), ...nodes };
  }

  #model(config: unknown): unknown {
    // Very old files have a Sequential's layers as its config.
    if (Array.isArray(config)) return config.map(layer => this.layer(objectOf(layer) ?? {}));
    const { dtype: _, ...settings } = objectOf(config) ?? {};
    const given = Array.isArray(settings.layers) ? settings.layers.map(l => objectOf(l) ?? {}) : [];
    for (const l of given) if (MODELS.has(String(l.class_name))) this.#models.add(nameOf(l));
    const layers = given.map(l => this.layer(l));
    const ends = Object.fromEntries(
      ['input_layers', 'output_layers'].flatMap(key => {
        const written = settings[key];
        if (written === undefined) return [];
        const found = references(written);
        return [[key, this.#keras3 ? found.map(reference => this.#counted(reference)) : found]];
      }),
    );
    return { ...settings, layers: started(layers, settings.build_input_shape), ...ends };
  }

  #settings(config: unknown, className: string, name: string): Json | undefined {
    const given = objectOf(config);
    if (!given) return undefined;
    const { batch_shape, dtype, activation, ...settings } = given;
    if (batch_shape !== undefined) Object.assign(settings, { batch_input_shape: batch_shape });
    // A policy (of mixed precision too) is about the values in between; weights are float32.
    if (dtype !== undefined) Object.assign(settings, { dtype: typeof dtype === 'string' ? dtype : 'float32' });
    if (activation !== undefined) Object.assign(settings, { activation: this.#activation(activation, name) });
    if (className === 'LeakyReLU' && settings.alpha === undefined && typeof settings.negative_slope === 'number') {
      Object.assign(settings, { alpha: settings.negative_slope });
    }
    return settings;
  }

  #activation(activation: unknown, name: string): unknown {
    const own = objectOf(activation);
    const called = own ? (own.class_name === 'function' ? own.config : own.class_name) : activation;
    if (own && typeof called !== 'string') throw this.#fault(`layer '${name}' has an activation of its own.`);
    // Keras 3: relu6(x + 3) / 6; Keras 2 and TF.js: clip(0.2 x + 0.5, 0, 1).
    if (this.#keras3 && called === 'hard_sigmoid') {
      throw this.#fault(`layer '${name}' has 'hard_sigmoid', which TF.js computes otherwise than Keras 3.`);
    }
    return called === 'silu' ? 'swish' : called;
  }

  /** Keras 2: [[layer, use, output, kwargs], …]. Keras 3: { args, kwargs } with tensors that say where they are from. */
  #call(call: unknown, name: string): unknown {
    const { args, kwargs } = objectOf(call) ?? {};
    if (!Array.isArray(args)) return call;
    const [inputs, ...further] = args as unknown[];
    const strange = further.some(value => value !== null) || references(kwargs).length > 0;
    const found = references(inputs);
    if (strange || found.length === 0) throw this.#fault(`layer '${name}' takes more than the outputs of others.`);
    return found.map(reference => [...this.#counted(reference), {}]);
  }

  /** Keras 2 counts the making of a nested model as its use 0, Keras 3 does not. */
  #counted([layer, use, output]: Reference): Reference {
    return [layer, this.#models.has(layer) ? use + 1 : use, output];
  }

  #fault(what: string): CtXaiError {
    return new CtXaiError('MODEL', `${this.#file}: ${what}`, {
      hint: 'Export the model as ONNX (tf2onnx, or model.export(…, format="onnx") in Keras 3) and use that file.',
    });
  }
}

/** A Sequential that says what it takes: by an input layer, its first layer's settings, or the shape it was built for. */
function started(layers: readonly Json[], shape: unknown): readonly Json[] {
  const [first, ...rest] = layers;
  const known = first?.class_name === 'InputLayer' || MODELS.has(String(first?.class_name));
  const config = objectOf(first?.config);
  if (!first || !config || known || config.batch_input_shape || !Array.isArray(shape)) return layers;
  return [{ ...first, config: { ...config, batch_input_shape: shape } }, ...rest];
}

function nameOf(json: Json): string {
  return String(objectOf(json.config)?.name ?? json.name ?? json.class_name);
}

/** All [layer, use, output] in a nest of lists and { keras_history }. */
function references(value: unknown): Reference[] {
  if (Array.isArray(value)) {
    const [layer, use, output] = value;
    const is = typeof layer === 'string' && typeof use === 'number' && typeof output === 'number';
    return is ? [[layer, use, output]] : value.flatMap(references);
  }
  const { keras_history: history, ...rest } = objectOf(value) ?? {};
  return history === undefined ? Object.values(rest).flatMap(references) : references(history);
}
