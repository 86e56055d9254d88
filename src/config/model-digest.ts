import { createHash } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { parsingAsync } from '../core/boundary.ts';
import type { ModelCard } from '../core/contracts/index.ts';
import { jsonDigest } from '../core/digest.ts';
import { type ByteReader, externalLocations } from '../core/onnx-external.ts';
import { insideFolder } from '../files/inside.ts';
import { isRegular, openRegularSync, piecesOf, readRegular } from '../files/regular.ts';

/**
 * SHA-256 (hex) of a model: its weights, external data and shards included, and what its card says of scores and
 * pixels. Not of its id, its paths, or the card's prose.
 * @throws CtXaiError MODEL if a file can't be read
 */
export function modelDigest(card: ModelCard): Promise<string> {
  return parsingAsync({ code: 'MODEL', what: `${card.file}: the model can't be read` }, () => digestOf(card));
}

async function digestOf(card: ModelCard): Promise<string> {
  const files = [card.file, ...(await companions(card))];
  const contents: string[] = [];
  for (const file of files) contents.push(await fileDigest(file));
  const {
    format,
    task,
    emits,
    explainAt,
    classes,
    input,
    output,
    intensity,
    resize,
    camLayer,
    quantisation,
    threshold,
  } = card;
  return jsonDigest([
    contents,
    {
      format,
      task,
      emits,
      explainAt,
      classes,
      input,
      output,
      intensity,
      resize,
      camLayer,
      ...(quantisation ? { quantisation } : {}),
      ...(threshold === undefined ? {} : { threshold }),
    },
  ]);
}

/** Bytes of a model.json: it holds no weights. */
const MOST_JSON = 2 ** 28;

/** SHA-256 (hex) of a file's content, streamed. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of piecesOf(path)) hash.update(piece);
  return hash.digest('hex');
}

/** Files that hold weights beside the one the card names, as far as they are there. */
async function companions({ file, format }: ModelCard): Promise<string[]> {
  if (format === 'onnx') return externalFiles(file);
  if (/\.(h5|hdf5|keras)$/i.test(file)) return [];
  return present(file, shardsOf((await readRegular(file, { limit: MOST_JSON })).toString('utf8')));
}

/** The files beside an .onnx file that it names for its weights, as far as they are there. */
function externalFiles(file: string): string[] {
  const { descriptor, size } = openRegularSync(file);
  try {
    return present(file, externalLocations(inBlocks(descriptor), size));
  } finally {
    closeSync(descriptor);
  }
}

/** Of names found in a model's file, the ordinary files below its folder: of the others its engine will say what is wrong. */
function present(file: string, names: readonly string[]): string[] {
  return names.flatMap(name => insideFolder(dirname(file), name) ?? []).filter(isRegular);
}

/** Bytes read and kept in blocks: the parts that are asked for lie close together. */
function inBlocks(handle: number): ByteReader {
  const block = new Uint8Array(2 ** 16);
  let [start, held] = [0, 0];
  return (at, length) => {
    if (length > block.length) {
      const bytes = new Uint8Array(length);
      return bytes.subarray(0, readSync(handle, bytes, 0, length, at));
    }
    if (at < start || at + length > start + held) {
      held = readSync(handle, block, 0, block.length, at);
      start = at;
    }
    return block.subarray(at - start, at - start + length);
  };
}

/** The shards that a TF.js model lists; none where the file is not sound, which its engine will say. */
function shardsOf(text: string): string[] {
  try {
    const { weightsManifest: groups } = JSON.parse(text) as { weightsManifest?: unknown };
    if (!Array.isArray(groups)) return [];
    const paths = groups.flatMap(group => (group as { paths?: unknown } | null)?.paths ?? []);
    return paths.filter(path => typeof path === 'string');
  } catch {
    return [];
  }
}
