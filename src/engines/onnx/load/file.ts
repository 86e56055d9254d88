import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { dirname } from 'node:path';
import { parsing } from '../../../core/boundary.ts';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { externalLocations } from '../../../core/onnx-external.ts';
import { insideFolder } from '../../../files/inside.ts';
import { isRegular, openRegularSync, readAt, readRegularSync } from '../../../files/regular.ts';
import { refuseMistaken } from '../../shared/mistaken-file.ts';
import type { Graph } from '../graph/graph.ts';
import { decodeModel } from '../graph/proto.ts';

/**
 * Reads an .onnx file and the files beside it that hold its weights.
 * @throws CtXaiError MODEL if the file is missing, is no ONNX model, or its weights are not where it says.
 */
export function readModelFile(file: string): Graph {
  let bytes: Uint8Array;
  try {
    bytes = readRegularSync(file);
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing ? 'there is no such file' : `the file can't be read: ${messageOf(cause)}`;
    throw new CtXaiError('MODEL', `${file}: ${why}.`, { cause });
  }
  refuseMistaken(bytes, file);
  return parsing({ code: 'MODEL', what: `${file}: it can't be read as an ONNX model` }, () =>
    decodeModel(bytes, { name: file, external: (...range) => readBeside(file, ...range) }),
  );
}

/** SHA-256 (hex) of an .onnx file and of the files beside it that it names for its weights, as far as they are there. */
export function weightsDigest(file: string): string {
  const bytes = readRegularSync(file);
  const hash = createHash('sha256').update(bytes);
  for (const location of externalLocations((at, length) => bytes.subarray(at, at + length), bytes.length)) {
    const path = insideFolder(dirname(file), location);
    hash.update(`\0${location}\0`);
    if (path !== undefined && isRegular(path)) hash.update(readRegularSync(path));
  }
  return hash.digest('hex');
}

/** A model may come from anywhere: it reads nothing outside its own folder, and no more than there is. */
function readBeside(file: string, location: string, offset: number, length: number | undefined): Uint8Array {
  const path = insideFolder(dirname(file), location);
  if (path === undefined) {
    throw new CtXaiError('MODEL', `${file}: its weights point outside its folder, to '${location}'.`);
  }
  let opened: ReturnType<typeof openRegularSync>;
  try {
    opened = openRegularSync(path);
  } catch (cause) {
    throw new CtXaiError(
      'MODEL',
      `${file}: its weights are in '${location}', which can't be read (${messageOf(cause)}).`,
      {
        hint: `Put ${location} beside it.`,
        cause,
      },
    );
  }
  const { descriptor, size } = opened;
  try {
    const end = length === undefined ? size : offset + length;
    if (!(offset >= 0 && end >= offset && end <= size)) {
      throw new CtXaiError(
        'MODEL',
        `${file}: its weights are the bytes ${offset} to ${end} of '${location}', which has ${size}.`,
        { hint: 'Copy both files again.' },
      );
    }
    return readAt(descriptor, offset, end - offset);
  } finally {
    closeSync(descriptor);
  }
}
