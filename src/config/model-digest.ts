import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { parsingAsync } from '../core/boundary.ts';
import type { ModelCard } from '../core/contracts/index.ts';
import { jsonDigest } from '../core/digest.ts';
import { externalWeights } from '../files/external-weights.ts';
import { insideFolder } from '../files/inside.ts';
import { isRegular, piecesOf, readRegular } from '../files/regular.ts';

/**
 * SHA-256 (hex) of a model: its weights, external data and shards included, and what its card says of scores and
 * pixels. Not of its id, its paths, or the card's prose.
 * @throws CtXaiError MODEL if a file can't be read
 */
export function modelDigest(card: ModelCard): Promise<string> {
  return parsingAsync({ code: 'MODEL', what: `${card.file}: the model can't be read` }, () => digestOf(card));
}

/** What of a card changes a model's answers. Keys that a card does not have are no part of the digest. */
const SAID = [
  ...(['format', 'task', 'emits', 'explainAt', 'classes', 'input', 'output', 'intensity', 'resize'] as const),
  ...(['camLayer', 'quantisation', 'threshold'] as const),
];

async function digestOf(card: ModelCard): Promise<string> {
  const files = [card.file, ...(await companions(card))];
  const contents: string[] = [];
  for (const file of files) contents.push(await fileDigest(file));
  return jsonDigest([contents, Object.fromEntries(SAID.map(key => [key, card[key]]))]);
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
export async function companions({ file, format }: ModelCard): Promise<string[]> {
  if (format === 'onnx') return present(file, externalWeights(file));
  if (/\.(h5|hdf5|keras)$/i.test(file)) return [];
  return present(file, shardsOf((await readRegular(file, { limit: MOST_JSON })).toString('utf8')));
}

/** Of names found in a model's file, the ordinary files below its folder: of the others its engine will say what is wrong. */
function present(file: string, names: readonly string[]): string[] {
  return names.flatMap(name => insideFolder(dirname(file), name) ?? []).filter(isRegular);
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
