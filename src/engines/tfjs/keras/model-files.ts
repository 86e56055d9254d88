import { dirname } from 'node:path';
import { parsingAsync } from '../../../core/boundary.ts';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { insideFolder } from '../../../files/inside.ts';
import { mistakenFile } from '../../../files/mistaken-file.ts';
import { readRegularSync } from '../../../files/regular.ts';
import { fromHalf } from '../../onnx/load/precision.ts';
import type { H5Model } from './keras-h5.ts';
import { inKeras2Words } from './keras-words.ts';
import { readKeras } from './read-keras.ts';
import { readCalls } from './topology.ts';
import { weightNames } from './weight-names.ts';

/** A weight as the manifest describes it. */
export interface WeightSpec {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly group?: string;
  readonly quantization?: { readonly dtype: string; readonly min?: number; readonly scale?: number };
}

/** A `model.json` with the bytes of its shards, or what a file of Keras would be as one. */
export interface ModelFiles {
  readonly file: string;
  readonly format: 'layers-model' | 'graph-model';
  /** The whole of model.json; the topology of a layers model in Keras 2's words. */
  readonly json: Readonly<Record<string, unknown>>;
  /** Weights; those of a layers model by TF.js's names. */
  readonly specs: readonly WeightSpec[];
  /** All shards, one after the other. */
  readonly data: ArrayBuffer;
}

/** What a model.json lists of its weights. */
interface Manifest {
  readonly paths: readonly string[];
  readonly specs: readonly WeightSpec[];
}

/** Bytes of a model.json: it holds no weights. */
const MOST_JSON = 2 ** 28;

/**
 * Reads a model of TF.js (model.json) or Keras (.h5, .keras) from disk.
 * @throws CtXaiError MODEL if it is none, or its weights are missing, too short, or not one per name.
 */
export function readModelFiles(file: string): Promise<ModelFiles> {
  return parsingAsync({ code: 'MODEL', what: `${file}: the model can't be read` }, () => modelFiles(file));
}

async function modelFiles(file: string): Promise<ModelFiles> {
  if (/\.(h5|hdf5|keras)$/i.test(file)) return fromKeras(await readKeras(file), file);
  const files = readJson(file);
  if (files.format === 'graph-model') return files;
  const modelTopology = inKeras2Words(files.json.modelTopology, file);
  const nameOf = weightNames(readCalls(modelTopology, file));
  const specs = files.specs.map(spec => (isTrained(spec) ? { ...spec, name: nameOf(spec) } : spec));
  requireUnique(specs, file);
  return { ...files, json: { ...files.json, modelTopology }, specs };
}

function fromKeras({ topology, weights }: H5Model, file: string): ModelFiles {
  const modelTopology = inKeras2Words(topology, file);
  const nameOf = weightNames(readCalls(modelTopology, file));
  const specs = weights.map(w => ({ name: nameOf(w), shape: w.shape, dtype: 'float32' }));
  requireUnique(specs, file);
  const data = joined(
    weights.map(({ data: { buffer, byteOffset, byteLength } }) => new Uint8Array(buffer, byteOffset, byteLength)),
  );
  return { file, format: 'layers-model', json: { format: 'layers-model', modelTopology }, specs, data };
}

/** One buffer of all, copied once: weights may fill half the memory. */
function joined(pieces: readonly Uint8Array[]): ArrayBuffer {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes.buffer;
}

const isTrained = ({ group }: WeightSpec): boolean => group !== 'optimizer';

function requireUnique(specs: readonly WeightSpec[], file: string): void {
  const seen = new Set<string>();
  for (const { name } of specs.filter(isTrained)) {
    if (seen.has(name)) {
      throw new CtXaiError('MODEL', `${file}: two of its weights are called '${name}'.`, {
        hint: 'Layers of nested models need names of their own: name them apart in Keras and save again.',
      });
    }
    seen.add(name);
  }
}

function readJson(file: string): ModelFiles {
  const fault = (what: string, hint?: string, cause?: unknown) =>
    new CtXaiError('MODEL', `${file}: ${what}`, { ...(hint === undefined ? {} : { hint }), cause });
  const json = parsedJson(file, fault);
  const topology = json?.modelTopology;
  if (typeof topology !== 'object' || topology === null || !Array.isArray(json?.weightsManifest)) {
    throw fault(
      'it is no TF.js model: modelTopology or weightsManifest is missing.',
      'A model.json made by tfjs or by tensorflowjs_converter has both.',
    );
  }
  const { paths, specs } = manifestOf(json.weightsManifest, fault);
  const needed = specs.reduce((sum, spec) => sum + bytesOf(spec, file), 0);
  let left = needed;
  const shards = paths.map(path => {
    const bytes = shard(file, path, left);
    left -= bytes.length;
    return bytes;
  });
  const data = joined(shards);
  if (data.byteLength !== needed) {
    throw fault(`its shards have ${data.byteLength} bytes; its weights need ${needed}.`, 'Copy the .bin files again.');
  }
  const isGraph = json.format === 'graph-model' || 'node' in topology;
  return {
    file,
    format: isGraph ? 'graph-model' : 'layers-model',
    json,
    specs,
    data,
  };
}

type Fault = (what: string, hint?: string, cause?: unknown) => CtXaiError;

function parsedJson(file: string, fault: Fault): Record<string, unknown> | null {
  let text: string;
  try {
    text = readRegularSync(file, { limit: MOST_JSON }).toString('utf8');
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw fault(missing ? 'there is no such file.' : `it can't be read: ${messageOf(cause)}.`, undefined, cause);
  }
  try {
    return JSON.parse(text) as Record<string, unknown> | null;
  } catch (cause) {
    const found = mistakenFile(Buffer.from(text, 'latin1'));
    throw fault(found ? `${found.what}.` : 'it is no JSON.', found?.hint ?? 'Download or copy it again.', cause);
  }
}

/** The shards and weights of all groups. @throws CtXaiError MODEL naming what is not as it should be */
function manifestOf(groups: readonly unknown[], fault: Fault): Manifest {
  const [paths, specs]: [string[], WeightSpec[]] = [[], []];
  for (const [i, group] of groups.entries()) {
    const { paths: shards = [], weights = [] } = (group ?? {}) as { paths?: unknown; weights?: unknown };
    if (!Array.isArray(shards) || !Array.isArray(weights)) {
      throw fault(`weightsManifest[${i}] has no lists of 'paths' and 'weights'.`);
    }
    for (const path of shards as readonly unknown[]) {
      if (typeof path !== 'string') throw fault(`weightsManifest[${i}].paths holds ${JSON.stringify(path)}.`);
      paths.push(path);
    }
    for (const [k, weight] of (weights as readonly unknown[]).entries()) {
      if (!isSpec(weight)) {
        throw fault(`weightsManifest[${i}].weights[${k}] is no weight: it needs name, shape and dtype.`);
      }
      specs.push(weight);
    }
  }
  return { paths, specs };
}

function isSpec(value: unknown): value is WeightSpec {
  const { name, shape, dtype, quantization } = (value ?? {}) as Partial<Record<keyof WeightSpec, unknown>>;
  const sound = typeof name === 'string' && typeof dtype === 'string' && Array.isArray(shape);
  const stored = (quantization as { dtype?: unknown } | undefined)?.dtype;
  const plain = quantization === undefined || quantization === null || typeof stored === 'string';
  return sound && plain && shape.every(d => Number.isSafeInteger(d) && d >= 0);
}

/** A model may come from anywhere: it reads nothing outside its own folder, and no more than its weights need. */
function shard(file: string, name: string, most: number): Buffer {
  const path = insideFolder(dirname(file), name);
  if (path === undefined) {
    throw new CtXaiError('MODEL', `${file}: its weights point outside its folder, to '${name}'.`);
  }
  try {
    return readRegularSync(path, { limit: most });
  } catch (cause) {
    throw new CtXaiError('MODEL', `${file}: its weights are in '${name}', which can't be read (${messageOf(cause)}).`, {
      hint: `Put ${name} beside it, as it was written with it.`,
      cause,
    });
  }
}

const BYTES: Readonly<Record<string, number>> = { float32: 4, int32: 4, uint8: 1, bool: 1, uint16: 2, float16: 2 };

function bytesOf(spec: WeightSpec, file: string): number {
  const stored = spec.quantization?.dtype ?? spec.dtype;
  const bytes = BYTES[stored];
  if (bytes === undefined) throw new CtXaiError('MODEL', `${file}: weight '${spec.name}' is stored as ${stored}.`);
  return bytes * spec.shape.reduce((a, b) => a * b, 1);
}

export interface Weight {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** All weights as float32 by name, dequantised (value · scale + min); those of optimisers left out. */
export function decodeWeights({ specs, data, file }: ModelFiles): Map<string, Weight> {
  const weights = new Map<string, Weight>();
  let at = 0;
  for (const spec of specs) {
    const bytes = data.slice(at, at + bytesOf(spec, file));
    at += bytes.byteLength;
    if (!isTrained(spec)) continue;
    weights.set(spec.name, { shape: spec.shape, data: decode(bytes, spec) });
  }
  return weights;
}

function decode(bytes: ArrayBuffer, { dtype, quantization }: WeightSpec): Float32Array {
  switch (quantization?.dtype) {
    case undefined:
      return dtype === 'float32' ? new Float32Array(bytes) : Float32Array.from(integers(bytes, dtype));
    case 'float16':
      return mapped(new Uint16Array(bytes), fromHalf);
    default: {
      const { scale = 1, min = 0 } = quantization!;
      return mapped(integers(bytes, quantization!.dtype), v => v * scale + min);
    }
  }
}

/** `Float32Array.from` with a function makes a list of all numbers first, which large models have no memory for. */
function mapped(values: Int32Array | Uint16Array | Uint8Array, of: (value: number) => number): Float32Array {
  const out = new Float32Array(values.length);
  for (let i = 0; i < out.length; i++) out[i] = of(values[i]!);
  return out;
}

function integers(bytes: ArrayBuffer, dtype: string): Int32Array | Uint16Array | Uint8Array {
  if (dtype === 'int32') return new Int32Array(bytes);
  return dtype === 'uint16' ? new Uint16Array(bytes) : new Uint8Array(bytes);
}
