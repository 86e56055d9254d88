import { CtXaiError } from '../../../core/errors.ts';
import { arithmeticAsLayer, isActivationName, isOperationName, type KerasOperand } from './keras-arithmetic.ts';
import { type KerasReference, MODELS, references } from './keras-json.ts';

type Json = Readonly<Record<string, unknown>>;

/** Layers that change images while a model is trained, and pass them on afterwards. TF.js has almost none of them. */
const AUGMENTATION: ReadonlySet<string> = new Set([
  'AugMix',
  'RandAugment',
  'RandomBrightness',
  'RandomColorDegeneration',
  'RandomColorJitter',
  'RandomContrast',
  'RandomElasticTransform',
  'RandomErasing',
  'RandomFlip',
  'RandomGaussianBlur',
  'RandomGrayscale',
  'RandomHeight',
  'RandomHue',
  'RandomInvert',
  'RandomPerspective',
  'RandomPosterization',
  'RandomRotation',
  'RandomSaturation',
  'RandomSharpness',
  'RandomShear',
  'RandomTranslation',
  'RandomWidth',
  'RandomZoom',
]);

function objectOf(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

/**
 * A `modelTopology` in those words of Keras 2 that TF.js reads. What Keras 3 writes otherwise is put back (batch_shape,
 * type policies, calls as { args, kwargs }); arithmetic between layers, of either, becomes layers; layers that augment
 * pass on what they take. All else stays as it is.
 * @throws CtXaiError MODEL where something is meant that these words can't say.
 */
export function inKeras2Words(topology: unknown, file: string): Json {
  const root = objectOf(topology) ?? {};
  const model = objectOf(root.model_config);
  const version = String(root.keras_version ?? '');
  const words = new Translator(file, version.startsWith('3'));
  return model ? { ...root, model_config: words.layer(model) } : words.layer(root);
}

/** The settings of a layer that passes on what it takes. */
function passingOn({ name, batch_input_shape, dtype }: Json): Json {
  const given = Object.entries({ name, batch_input_shape, dtype }).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(given), activation: 'linear' };
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
    // Arithmetic on tensors is written like layers: `2 * x` is a 'Multiply' of another module, or of none.
    const operation = typeof module === 'string' ? /\bops\b/.test(module) : isOperation(json, className);
    if (operation) return this.#arithmetic(json, name, className);
    if (className === 'TFOpLambda') return this.#arithmetic(json, name, String(objectOf(json.config)?.function));
    const config = MODELS.has(className) ? this.#model(json.config) : this.#settings(json.config, className, name);
    const calls = json.inbound_nodes;
    const nodes = Array.isArray(calls) ? { inbound_nodes: calls.map(call => this.#call(call, name)) } : {};
    if (AUGMENTATION.has(className))
      return { ...rest, class_name: 'Activation', config: passingOn(objectOf(config) ?? {}), ...nodes };
    return { ...rest, ...(config === undefined ? {} : { config }), ...nodes };
  }

  /** An operation on tensors, as a layer that does the same. */
  #arithmetic(json: Json, name: string, operation: string): Json {
    const calls = (Array.isArray(json.inbound_nodes) ? json.inbound_nodes : []).map(call => {
      return arithmeticAsLayer(name, operation, operandsOf(call) ?? []);
    });
    const [first] = calls;
    // A layer has the same settings in all its uses.
    if (!first || calls.some(c => JSON.stringify(c?.config) !== JSON.stringify(first.config))) {
      throw this.#fault(`'${name}' is an operation on tensors ('${operation}') that no layer stands for.`);
    }
    const { class_name, config } = first;
    const written = this.#keras3 ? (r: KerasReference) => this.#counted(r) : (r: KerasReference) => r;
    return {
      name,
      class_name,
      config,
      inbound_nodes: calls.map(call => call!.inputs.map(reference => [...written(reference), {}])),
    };
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
    if (this.#keras3 && called === 'hard_sigmoid') return 'hard_sigmoid_keras_3';
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
  #counted([layer, use, output]: KerasReference): KerasReference {
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

/** Whether what looks like a layer of no module is an operation: no layer takes its inputs one by one. */
function isOperation({ inbound_nodes: calls }: Json, className: string): boolean {
  if (!isOperationName(className) || !Array.isArray(calls)) return false;
  return calls.every(call => (operandsOf(call) ?? []).length > 1 || isActivationName(className));
}

/**
 * What one use of an operation takes, in order. Keras 3: { args: [tensor or number, …] }. Keras 2: [layer, use, output,
 * { y: number or [layer, use, output] }], alone or in a list; a number on the left is ['_CONSTANT_VALUE', -1, number, …].
 * @returns undefined where it takes something else
 */
function operandsOf(call: unknown): KerasOperand[] | undefined {
  const { args, kwargs } = objectOf(call) ?? {};
  if (Array.isArray(args)) {
    if (Object.values(objectOf(kwargs) ?? {}).some(value => value !== null)) return undefined;
    return allOperands(args);
  }
  const first: unknown = Array.isArray(call) && Array.isArray(call[0]) ? call[0] : call;
  if (!Array.isArray(first)) return undefined;
  const { name: _, y, ...others } = objectOf(first[3]) ?? {};
  if (Object.values(others).some(value => value !== null)) return undefined;
  const left: unknown = first[0] === '_CONSTANT_VALUE' ? first[2] : first.slice(0, 3);
  return allOperands([left, ...(y === undefined ? [] : [y])]);
}

function allOperands(values: readonly unknown[]): KerasOperand[] | undefined {
  const found = values.map(value => {
    const [only, ...more] = typeof value === 'number' ? [value] : references(value);
    return more.length > 0 ? undefined : only;
  });
  return found.some(operand => operand === undefined) ? undefined : (found as KerasOperand[]);
}
