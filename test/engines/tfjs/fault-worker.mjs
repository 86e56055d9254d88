/*
 * TF.js's worker on WebGPU, which can be told to do what goes wrong on GPUs: `lose` the device, run a shader that does
 * not compile, ask for more memory than there is.
 */
import { parentPort } from 'node:worker_threads';
import * as tf from '@tensorflow/tfjs-core';
import '../../../dist/engines/tfjs/worker.js';

const FAULTS = {
  lose: () => tf.backend().device.destroy(),
  // The next kernel that TF.js compiles.
  shader() {
    const { device } = tf.backend();
    const compile = device.createShaderModule.bind(device);
    device.createShaderModule = ({ code }) => compile({ code: `${code}\nfn broken( {` });
  },
  // The next buffers that TF.js asks for.
  memory() {
    const { device } = tf.backend();
    const create = device.createBuffer.bind(device);
    device.createBuffer = options => create({ ...options, size: device.limits.maxBufferSize });
  },
};

parentPort.on('message', ({ type, id, fault }) => {
  if (type === 'fault') FAULTS[fault]();
});
