import { WorkerPool } from '../../shared/worker-pool.ts';
import { workerUrl } from '../../shared/worker-url.ts';

/** Worker threads for sessions of ONNX Runtime. @param lock of a device that other pools use too */
export function openPool(size: number, lock?: Int32Array): WorkerPool {
  return new WorkerPool(size, workerUrl(import.meta.url, 'onnx-worker'), 'ONNX Runtime', lock);
}
