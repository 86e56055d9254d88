import type { Dataset, File, Group } from 'h5wasm';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { refuseMistaken } from '../../../files/mistaken-file.ts';
import { readRegularSync } from '../../../files/regular.ts';

/** A weight as an .h5 file has it. */
export interface H5Weight {
  /** The layer, or the nested model, that it is listed under. */
  readonly group: string;
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface H5Model {
  /** As `modelTopology` in a model.json. */
  readonly topology: Readonly<Record<string, unknown>>;
  readonly weights: readonly H5Weight[];
}

const SIGNATURE = '\x89HDF\r\n\x1a\n';

/**
 * Reads a model that Keras has saved whole as .h5.
 * @throws CtXaiError MODEL if it is no HDF5 file, or holds no model with its weights.
 */
export async function readKerasH5(file: string): Promise<H5Model> {
  return withH5(readBytes(file), file, root => modelIn(root, file));
}

/** @throws CtXaiError MODEL if the bytes are no sound HDF5 file */
export async function withH5<T>(bytes: Buffer, file: string, use: (root: File) => T): Promise<T> {
  if (!bytes.subarray(0, 4).equals(Buffer.from('\x89HDF', 'latin1'))) refuseMistaken(bytes, file);
  if (bytes.subarray(0, SIGNATURE.length).toString('latin1') !== SIGNATURE) {
    throw new CtXaiError('MODEL', `${file}: it is no HDF5 file.`, {
      hint: "Keras writes one by model.save('model.h5'). Was the download complete?",
    });
  }
  const h5 = await import('h5wasm');
  const { FS, activate_throwing_error_handler: throwErrors } = await h5.ready;
  throwErrors();
  // In the library's memory, where a file's links lead to no other file.
  const path = '/model.h5';
  FS.writeFile(path, bytes, { canOwn: true } as never);
  let open: File | undefined;
  try {
    open = new h5.File(path, 'r');
    return use(open);
  } catch (cause) {
    if (cause instanceof CtXaiError) throw cause;
    throw new CtXaiError('MODEL', `${file}: it can't be read as HDF5: ${wordsOfHdf5(messageOf(cause))}.`, {
      hint: 'Copy or download it again: what is there of it is no whole file.',
      cause,
    });
  } finally {
    open?.close();
    FS.unlink(path);
  }
}

/** Of the library's list of calls, what the innermost says. */
function wordsOfHdf5(message: string): string {
  const said = [...message.matchAll(/line \d+ in \w+\(\): (.*)/g)];
  return said.at(-1)?.[1] ?? message.split('\n')[0]!;
}

export function readBytes(file: string): Buffer {
  try {
    return readRegularSync(file);
  } catch (cause) {
    throw new CtXaiError('MODEL', `${file}: the file can't be read (${messageOf(cause)}).`, { cause });
  }
}

function modelIn(root: File, file: string): H5Model {
  const text = root.attrs.model_config?.value;
  const weights = root.get('model_weights') as Group | null;
  if (typeof text !== 'string' || !weights) {
    throw new CtXaiError('MODEL', `${file}: it holds ${root.attrs.layer_names ? 'weights alone, ' : ''}no model.`, {
      hint: "Save the model whole, by model.save('model.h5'); save_weights leaves out what the layers are.",
    });
  }
  const fault = (what: string) => new CtXaiError('MODEL', `${file}: ${what}`);
  const version = root.attrs.keras_version?.value ?? weights.attrs.keras_version?.value;
  return {
    topology: { keras_version: String(version ?? ''), model_config: JSON.parse(text) },
    weights: strings(weights, 'layer_names').flatMap(group => {
      const held = weights.get(group) as Group | null;
      const names = held ? strings(held, 'weight_names') : [];
      return names.map(name => ({ group, name, ...valuesOf(held!.get(name) as Dataset | null, name, fault) }));
    }),
  };
}

/** @throws what `fault` makes where the set is missing or holds no numbers */
export function valuesOf(
  set: Dataset | null,
  name: string,
  fault: (what: string) => CtXaiError,
): { readonly shape: readonly number[]; readonly data: Float32Array } {
  const value = set?.value;
  // A single number comes as such.
  const values = typeof value === 'number' || typeof value === 'bigint' ? [value] : value;
  if (!ArrayBuffer.isView(values) && !Array.isArray(values)) {
    throw fault(`its weight '${name}' is missing or holds no numbers.`);
  }
  return { shape: set!.shape ?? [], data: floats(values as Float32Array | readonly (number | bigint)[]) };
}

/** `Float32Array.from` would make a list of hundreds of millions of numbers first. */
function floats(values: Float32Array | readonly (number | bigint)[]): Float32Array {
  if (values instanceof Float32Array) return values.slice();
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = Number(values[i]);
  return out;
}

/** A list of names; Keras cuts long ones into `key0`, `key1`, … */
function strings(group: Group, key: string): string[] {
  const { attrs } = group;
  const whole = attrs[key];
  if (whole) return listOf(whole.value);
  const out: string[] = [];
  for (let i = 0; attrs[`${key}${i}`]; i++) out.push(...listOf(attrs[`${key}${i}`]!.value));
  return out;
}

function listOf(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.map(String) : [];
}
