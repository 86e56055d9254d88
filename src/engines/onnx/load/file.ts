import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { dirname } from 'node:path';
import { parsing } from '../../../core/boundary.ts';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { externalWeights } from '../../../files/external-weights.ts';
import { insideFolder } from '../../../files/inside.ts';
import { mistakenFile, refuseMistaken } from '../../../files/mistaken-file.ts';
import { isRegular, openRegularSync, piecesOf, readAt, readRegularSync } from '../../../files/regular.ts';
import { storedFile } from '../graph/by-reference.ts';
import type { Graph, StoredFile } from '../graph/graph.ts';
import { decodeModel } from '../graph/proto.ts';
import type { ExternalBytes } from '../graph/proto-tensor.ts';
import { sound } from '../graph/sound.ts';
import { withoutZipMaps } from './zip-maps.ts';

/**
 * Reads an .onnx file and the files beside it that hold its weights.
 * @throws CtXaiError MODEL if the file is missing, is no ONNX model, or its weights are not where it says.
 */
export function readModelFile(file: string): Graph {
  let bytes: Uint8Array;
  let stored: StoredFile;
  try {
    // Before it is read: what is changed meanwhile is then seen to be.
    stored = storedFile(file);
    bytes = readRegularSync(file);
  } catch (cause) {
    const why = absent(cause) ? 'there is no such file' : `the file can't be read: ${messageOf(cause)}`;
    throw new CtXaiError('MODEL', `${file}: ${why}.`, { cause });
  }
  refuseMistaken(bytes, file);
  return parsing({ code: 'MODEL', what: `${file}: it can't be read as an ONNX model` }, () =>
    withoutZipMaps(
      sound(decodeModel(bytes, { name: file, file: stored, external: (...range) => readBeside(file, ...range) }), file),
    ),
  );
}

/** SHA-256 (hex) of an .onnx file and of the files beside it that it names for its weights, as far as they are there. */
export async function weightsDigest(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of piecesOf(file)) hash.update(piece);
  for (const location of externalWeights(file)) {
    hash.update(`\0${location}\0`);
    const path = insideFolder(dirname(file), location);
    if (path === undefined || !isRegular(path)) continue;
    for await (const piece of piecesOf(path)) hash.update(piece);
  }
  return hash.digest('hex');
}

const absent = (error: unknown) => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** A model may come from anywhere: it reads nothing outside its own folder, and no more than there is. */
function readBeside(file: string, location: string, offset: number, length: number): ExternalBytes {
  const path = insideFolder(dirname(file), location);
  if (path === undefined) {
    throw new CtXaiError('MODEL', `${file}: its weights point outside its folder, to '${location}'.`);
  }
  let opened: ReturnType<typeof openRegularSync>;
  let stored: StoredFile;
  try {
    stored = storedFile(path);
    opened = openRegularSync(path);
  } catch (cause) {
    throw new CtXaiError(
      'MODEL',
      `${file}: its weights are in '${location}', ${absent(cause) ? 'which is not there' : `which can't be read (${messageOf(cause)})`}.`,
      {
        hint: `Put ${location} beside it: a network exported with its weights apart is two files.`,
        cause,
      },
    );
  }
  const { descriptor, size } = opened;
  try {
    const end = offset + length;
    if (!(offset >= 0 && end >= offset && end <= size)) {
      // A place before the file's beginning is the model's fault, whatever the other file is.
      const found = offset < 0 ? undefined : mistakenFile(readAt(descriptor, 0, Math.min(size, 4096)));
      if (found) {
        throw new CtXaiError('MODEL', `${file}: its weights are in '${location}': ${found.what}.`, {
          hint: found.hint,
        });
      }
      throw new CtXaiError(
        'MODEL',
        `${file}: its weights are the bytes ${offset} to ${end} of '${location}', which has ${size}.`,
        { hint: 'Copy both files again.' },
      );
    }
    return { bytes: readAt(descriptor, offset, length), file: stored };
  } finally {
    closeSync(descriptor);
  }
}
