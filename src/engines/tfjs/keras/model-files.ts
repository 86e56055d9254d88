import { readFileSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { CtXaiError } from '../../../core/errors.ts';
import { fromHalf } from '../../onnx/load/precision.ts';
import { readKerasArchive } from './keras-archive.ts';
import { type H5Model, readKerasH5 } from './keras-h5.ts';
import { inKeras2Words } from './keras-words.ts';
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

interface Group {
  readonly paths?: readonly string[];
  readonly weights?: readonly WeightSpec[];
}

/**
 * Reads a model of TF.js (model.json) or Keras (.h5, .keras) from disk.
 * @throws CtXaiError MODEL if it is none, or its weights are missing, too short, or not one per name.
 */
export async function readModelFiles(file: string): Promise<ModelFiles> {
  if (/\.keras$/i.test(file)) return fromKeras(await readKerasArchive(file), file);
  if (/\.(h5|hdf5)$/i.test(file)) return fromKeras(await readKerasH5(file), file);
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
  const bytes = Buffer.concat(weights.map(({ data }) => new Uint8Array(data.buffer)));
  const data = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
  return { file, format: 'layers-model', json: { format: 'layers-model', modelTopology }, specs, data };
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
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw fault(missing ? 'there is no such file.' : 'it is no JSON.', undefined, cause);
  }
  const groups = json.weightsManifest;
  if (typeof json.modelTopology !== 'object' || json.modelTopology === null || !Array.isArray(groups)) {
    throw fault(
      'it is no TF.js model: modelTopology or weightsManifest is missing.',
      'A model.json made by tfjs or by tensorflowjs_converter has both.',
    );
  }
  const shards = (groups as Group[]).flatMap(g => (g.paths ?? []).map(path => shard(file, path)));
  const specs = (groups as Group[]).flatMap(g => g.weights ?? []);
  const data = Buffer.concat(shards);
  const needed = specs.reduce((sum, spec) => sum + bytesOf(spec, file), 0);
  if (data.length !== needed) {
    throw fault(`its shards have ${data.length} bytes; its weights need ${needed}.`, 'Copy the .bin files again.');
  }
  const isGraph = json.format === 'graph-model' || 'node' in (json.modelTopology as object);
  return {
    file,
    format: isGraph ? 'graph-model' : 'layers-model',
    json,
    specs,
    data: data.buffer.slice(data.byteOffset, data.byteOffset + data.length) as ArrayBuffer,
  };
}

function shard(file: string, path: string): Buffer {
  // A model may come from anywhere: it reads nothing outside its own folder.
  if (isAbsolute(path) || normalize(path).startsWith('..')) {
    throw new CtXaiError('MODEL', `${file}: its weights point outside its folder, to '${path}'.`);
  }
  try {
    return readFileSync(join(dirname(file), path));
  } catch (cause) {
    throw new CtXaiError('MODEL', `${file}: its weights are in '${path}', which cannot be read.`, {
      hint: `Put ${path} beside it.`,
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
      return Float32Array.from(new Uint16Array(bytes), fromHalf);
    default: {
      const { scale = 1, min = 0 } = quantization!;
      return Float32Array.from(integers(bytes, quantization!.dtype), v => v * scale + min);
    }
  }
}

function integers(bytes: ArrayBuffer, dtype: string): Int32Array | Uint16Array | Uint8Array {
  if (dtype === 'int32') return new Int32Array(bytes);
  return dtype === 'uint16' ? new Uint16Array(bytes) : new Uint8Array(bytes);
}
