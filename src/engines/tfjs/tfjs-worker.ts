import { tensor4d } from '@tensorflow/tfjs-core';
import { CtXaiError } from '../../core/errors.ts';
import { type Handlers, serve } from '../shared/serve.ts';
import { type Started, useDevice } from './devices/tfjs-devices.ts';
import { type ComputedAnswer, compute, type NetworkValues } from './network/compute.ts';
import { loadNetwork } from './network/load-network.ts';
import type { TfjsNetwork } from './network/network.ts';
import type { Spec, TfjsProtocol } from './tfjs-messages.ts';

/** Holds one model: TF.js computes in the thread that calls it, and has one device a thread. */

let network: TfjsNetwork | undefined;
let spec: Spec | undefined;
let device: Started | undefined;

const handlers: Handlers<TfjsProtocol> = {
  async start(asked) {
    spec = asked;
    device = await useDevice(asked.device, asked);
    const { index, deviceName, clock } = device;
    return {
      clock: clock !== undefined,
      ...(index === undefined ? {} : { index }),
      ...(deviceName === undefined ? {} : { deviceName }),
    };
  },
  async load(asked) {
    network = await device!.watch(() => loadNetwork(asked)).catch(notFit);
  },
  shapes: ({ images }) => device!.watch(async () => shapesOf(images)).catch(notFit),
  async compute({ task, images, given }) {
    const { watch, clock } = device!;
    const answer = await watch(async () => {
      const computed = await compute(network!, spec!.head, task, images, given);
      await clock?.settle();
      return computed;
    });
    return owned(answer);
  },
  label: ({ label }) => device!.clock!.begin(label),
  times: () => device!.clock!.end(),
};

/** A device that fails before there is any work can't run this model. */
function notFit(error: unknown): never {
  if (!(error instanceof CtXaiError) || error.code !== 'ENGINE') throw error;
  throw new CtXaiError('DEVICE', `device '${spec!.device}' can't run this model: ${error.message}`, { cause: error });
}

function shapesOf({ data, shape }: NetworkValues): Readonly<Record<string, readonly number[]>> {
  const images = tensor4d(data, [...shape] as [number, number, number, number]);
  try {
    return network!.shapes(images);
  } finally {
    images.dispose();
  }
}

/** Values that can be given away. */
function owned({ raw, gradients, activations }: ComputedAnswer): ComputedAnswer {
  return {
    ...(raw ? { raw: own(raw) } : {}),
    ...(gradients ? { gradients: gradients.map(own) } : {}),
    ...(activations ? { activations: activations.map(own) } : {}),
  };
}

/** A back end may hand out a view of its own memory. */
function own(data: Float32Array): Float32Array {
  return data.byteLength === data.buffer.byteLength && data.buffer instanceof ArrayBuffer ? data : data.slice();
}

serve(
  handlers,
  async () => {
    await device?.idle();
    network?.dispose();
  },
  // TF.js leaves handles behind that would keep the thread alive.
  () => process.exit(0),
);
