import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { CtXaiError, type ErrorCode } from '../../../core/errors.ts';
import { workerUrl } from '../../shared/worker-url.ts';
import type { H5Model } from './keras-h5.ts';

export type KerasAnswer =
  | { readonly model: H5Model }
  | { readonly message: string; readonly code?: ErrorCode; readonly hint?: string };

/** Milliseconds for any file, and for each MiB of it. */
const LEAST_MS = 15_000;
const PER_MIB_MS = 300;

/**
 * Reads a file of Keras (.h5, .keras) in a thread of its own, with a limit on time.
 * @throws CtXaiError MODEL if it is none, holds no model with its weights, or takes longer than a sound one
 */
export function readKeras(file: string): Promise<H5Model> {
  const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  const limit = LEAST_MS + (PER_MIB_MS * size) / 2 ** 20;
  const worker = new Worker(workerUrl(import.meta.url, 'keras-worker'), { name: 'ct-xai Keras', workerData: file });
  return new Promise<H5Model>((resolve, reject) => {
    const refuse = (why: string) => reject(new CtXaiError('MODEL', `${file}: it can't be read as HDF5: ${why}.`));
    const timer = setTimeout(() => {
      refuse(`it took more than ${Math.round(limit / 1000)} s; it is damaged`);
      void worker.terminate();
    }, limit);
    worker.on('message', (answer: KerasAnswer) => {
      if ('model' in answer) resolve(answer.model);
      else {
        const hint = answer.hint === undefined ? {} : { hint: answer.hint };
        reject(new CtXaiError(answer.code ?? 'MODEL', answer.message, hint));
      }
    });
    worker.on('error', error => refuse(`it is damaged (${error.message})`));
    worker.on('exit', () => {
      clearTimeout(timer);
      refuse('its reader ended');
    });
  });
}
