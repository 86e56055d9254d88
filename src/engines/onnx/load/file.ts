import { createHash } from 'node:crypto';
import { closeSync, existsSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import { CtXaiError } from '../../../core/errors.ts';
import { externalLocations } from '../../../core/onnx-external.ts';
import type { Graph } from '../graph/graph.ts';
import { decodeModel } from '../graph/proto.ts';

/**
 * Reads an .onnx file and the files beside it that hold its weights.
 * @throws CtXaiError MODEL if the file is missing, is no ONNX model, or its weights are not where it says.
 */
export function readModelFile(file: string): Graph {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    throw new CtXaiError('MODEL', `${file}: ${missing ? 'there is no such file.' : 'the file cannot be read.'}`, {
      cause,
    });
  }
  return decodeModel(bytes, { name: file, external: (...range) => readBeside(file, ...range) });
}

/** SHA-256 (hex) of an .onnx file and of the files beside it that it names for its weights, as far as they are there. */
export function weightsDigest(file: string): string {
  const bytes = readFileSync(file);
  const hash = createHash('sha256').update(bytes);
  for (const location of externalLocations((at, length) => bytes.subarray(at, at + length), bytes.length)) {
    const path = join(dirname(file), location);
    hash.update(`\0${location}\0`);
    if (!leavesFolder(location) && existsSync(path)) hash.update(readFileSync(path));
  }
  return hash.digest('hex');
}

/** A model may come from anywhere: it reads nothing outside its own folder. */
function leavesFolder(location: string): boolean {
  return isAbsolute(location) || normalize(location).startsWith('..');
}

function readBeside(file: string, location: string, offset: number, length: number | undefined): Uint8Array {
  if (leavesFolder(location)) {
    throw new CtXaiError('MODEL', `${file}: its weights point outside its folder, to '${location}'.`);
  }
  const path = join(dirname(file), location);
  let handle: number;
  try {
    handle = openSync(path, 'r');
  } catch (cause) {
    throw new CtXaiError('MODEL', `${file}: its weights are in '${location}', which cannot be read.`, {
      hint: `Put ${location} beside it.`,
      cause,
    });
  }
  try {
    const size = length ?? statSync(path).size - offset;
    const bytes = new Uint8Array(Math.max(0, size));
    const got = readSync(handle, bytes, 0, bytes.length, offset);
    if (got < bytes.length) {
      throw new CtXaiError('MODEL', `${file}: '${location}' ends before byte ${offset + size}, where its weights do.`, {
        hint: 'Copy it again.',
      });
    }
    return bytes;
  } finally {
    closeSync(handle);
  }
}
