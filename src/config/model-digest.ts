import { createHash } from 'node:crypto';
import { closeSync, createReadStream, existsSync, fstatSync, openSync, readSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { ModelCard } from '../core/contracts/index.ts';
import { jsonDigest } from '../core/digest.ts';
import { type ByteReader, externalLocations } from '../core/onnx-external.ts';

/**
 * SHA-256 (hex) of a model: its weights, external data and shards included, and what its card says of scores and
 * pixels. Not of its id, its paths, or the card's prose.
 */
export async function modelDigest(card: ModelCard): Promise<string> {
  const files = [card.file, ...(await companions(card))];
  const contents: string[] = [];
  for (const file of files) contents.push(await fileDigest(file));
  const { format, task, emits, explainAt, classes, input, output, intensity, resize, camLayer, quantisation } = card;
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
    },
  ]);
}

/** SHA-256 (hex) of a file's content, streamed. */
export async function fileDigest(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Files that hold weights beside the one the card names, as far as they are there. */
async function companions({ file, format }: ModelCard): Promise<string[]> {
  if (format === 'onnx') return externalFiles(file);
  const groups = weightsManifest(await readFile(file, 'utf8'));
  const shards = groups.flatMap(g => g.paths ?? []).map(path => resolve(dirname(file), path));
  return shards.filter(path => existsSync(path));
}

/** The files beside an .onnx file that it names for its weights, as far as they are there. */
function externalFiles(file: string): string[] {
  const handle = openSync(file, 'r');
  try {
    const locations = externalLocations(inBlocks(handle), fstatSync(handle).size);
    return locations.map(location => join(dirname(file), location)).filter(path => existsSync(path));
  } finally {
    closeSync(handle);
  }
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
function weightsManifest(text: string): { paths?: string[] }[] {
  try {
    return (JSON.parse(text) as { weightsManifest?: { paths?: string[] }[] }).weightsManifest ?? [];
  } catch {
    return [];
  }
}
