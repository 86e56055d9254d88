import { parentPort, workerData } from 'node:worker_threads';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import { readKerasArchive } from './keras-archive.ts';
import { readKerasH5 } from './keras-h5.ts';
import type { KerasAnswer } from './read-keras.ts';

/** Reads one file of Keras and ends: a damaged one may keep the HDF5 library busy for ever, or break it. */
const file = workerData as string;
try {
  const model = await (/\.keras$/i.test(file) ? readKerasArchive(file) : readKerasH5(file));
  const buffers = new Set(model.weights.map(weight => weight.data.buffer as ArrayBuffer));
  parentPort!.postMessage({ model } satisfies KerasAnswer, [...buffers]);
} catch (error) {
  const known = error instanceof CtXaiError ? { code: error.code, ...(error.hint ? { hint: error.hint } : {}) } : {};
  const message = error instanceof CtXaiError ? error.message : `${file}: it can't be read: ${messageOf(error)}.`;
  parentPort!.postMessage({ message, ...known } satisfies KerasAnswer);
}
