/*
 * TF.js's worker on WebGPU, which can be told what is to go wrong on its GPU, as a question of the kind `fault`.
 */
import { parentPort } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import '../../../dist/engines/tfjs/tfjs-worker.js';

const FAULTS = {
  /** The device is gone. */
  loss: device => device.destroy(),
  /** Shaders that are compiled from here on have a mistake. */
  shader(device) {
    const compile = device.createShaderModule.bind(device);
    device.createShaderModule = ({ code }) => compile({ code: `${code}\nfn broken( {` });
  },
  /** Buffers for results are larger from here on than the GPU can have. */
  memory(device) {
    const create = device.createBuffer.bind(device);
    const most = device.limits.maxBufferSize;
    device.createBuffer = options => create(options.mappedAtCreation ? options : { ...options, size: 2 * most });
  },
};

parentPort.on('message', request => {
  if (request.kind !== 'fault') return;
  FAULTS[request.asked](tf.backend().device);
  // Before TF.js's worker says that it knows no such question.
  parentPort.postMessage({ id: request.id, ok: true });
});
