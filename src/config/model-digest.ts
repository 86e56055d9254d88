import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { ModelCard } from '../core/contracts/index.ts';
import { jsonDigest } from '../core/digest.ts';

/**
 * SHA-256 (hex) of a model: its weights, external data and shards included, and what its card says of scores and
 * pixels. Not of its id, its paths, or the card's prose.
 */
export async function modelDigest(card: ModelCard): Promise<string> {
  const files = [card.file, ...(await companions(card))];
  const contents: string[] = [];
  for (const file of files) contents.push(await fileDigest(file));
  const { format, task, emits, explainAt, classes, input, output, intensity, resize, camLayer } = card;
  return jsonDigest([
    contents,
    { format, task, emits, explainAt, classes, input, output, intensity, resize, camLayer },
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
  if (format === 'onnx') {
    // Where exporters put tensors that do not fit into a protobuf.
    return [`${file}.data`, `${file}_data`, file.replace(/\.onnx$/, '.data')].filter(path => existsSync(path));
  }
  const groups = weightsManifest(await readFile(file, 'utf8'));
  const shards = groups.flatMap(g => g.paths ?? []).map(path => resolve(dirname(file), path));
  return shards.filter(path => existsSync(path));
}

/** The shards that a TF.js model lists; none where the file is not sound, which its engine will say. */
function weightsManifest(text: string): { paths?: string[] }[] {
  try {
    return (JSON.parse(text) as { weightsManifest?: { paths?: string[] }[] }).weightsManifest ?? [];
  } catch {
    return [];
  }
}
