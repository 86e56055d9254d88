import { parentPort } from 'node:worker_threads';
import { tensor4d } from '@tensorflow/tfjs-core';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import type { Reply, Request, RunResult } from '../shared/messages.ts';
import { type Started, useDevice } from './devices/tfjs-devices.ts';
import { type Answer, compute } from './network/compute.ts';
import { loadNetwork } from './network/load-network.ts';
import type { TfjsNetwork } from './network/network.ts';
import { type About, ASKING, type Asked, type Spec, STAGES } from './tfjs-messages.ts';

/** Holds one model: TF.js computes in the thread that calls it, and has one device a thread. */

const port = parentPort!;
let network: TfjsNetwork | undefined;
let spec: Spec | undefined;
let device: Started | undefined;

async function open(stage: string, bytes: Uint8Array): Promise<void> {
  spec = JSON.parse(new TextDecoder().decode(bytes)) as Spec;
  if (stage === STAGES.device) device = await useDevice(spec.device, spec);
  else network = await device!.watch(() => loadNetwork(spec!)).catch(notFit);
}

/** A device that fails before there is any work can't run this model. */
function notFit(error: unknown): never {
  if (!(error instanceof CtXaiError) || error.code !== 'ENGINE') throw error;
  throw new CtXaiError('DEVICE', `device '${spec!.device}' can't run this model: ${error.message}`, { cause: error });
}

async function run(request: Extract<Request, { type: 'run' }>): Promise<RunResult> {
  const asked = JSON.parse(request.session) as Asked;
  const nothing = { outputs: {}, returned: [] };
  const { index, deviceName, watch, clock } = device!;
  switch (asked.kind) {
    case ASKING.about: {
      const about: About = {
        clock: clock !== undefined,
        ...(index === undefined ? {} : { index }),
        ...(deviceName === undefined ? {} : { deviceName }),
      };
      return { ...nothing, facts: about };
    }
    case ASKING.label:
      clock!.begin(asked.label);
      return nothing;
    case ASKING.times:
      return { ...nothing, facts: clock!.end() };
    case ASKING.shapes: {
      const { data, dims } = request.feeds[0]!;
      const shapes = await watch(async () => shapesOf(data, [...dims])).catch(notFit);
      return { outputs: shapes, returned: [data] };
    }
    default: {
      const [images, given] = request.feeds.map(({ data, dims }) => ({ data, shape: dims }));
      const answer = await watch(async () => {
        const computed = await compute(network!, spec!.head, asked, images!, given);
        await clock?.settle();
        return computed;
      });
      return { outputs: outputsOf(answer), returned: request.feeds.map(feed => feed.data) };
    }
  }
}

function outputsOf({ raw, gradients = [], activations = [] }: Answer): RunResult['outputs'] {
  return Object.fromEntries([
    ...(raw ? [['raw', own(raw)] as const] : []),
    ...gradients.map((data, k) => [`gradients ${k}`, own(data)] as const),
    ...activations.map((data, k) => [`activations ${k}`, own(data)] as const),
  ]);
}

function shapesOf(data: Float32Array, dims: number[]): Record<string, Float32Array> {
  const images = tensor4d(data, dims as [number, number, number, number]);
  try {
    const shapes = network!.shapes(images);
    return Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, Float32Array.from(shape)]));
  } finally {
    images.dispose();
  }
}

/** A buffer that can be given away: a back end may hand out a view of its own memory. */
function own(data: Float32Array): Float32Array {
  return data.byteLength === data.buffer.byteLength && data.buffer instanceof ArrayBuffer ? data : data.slice();
}

async function handle(request: Request): Promise<RunResult | undefined> {
  if (request.type === 'open') await open(request.session, request.bytes);
  if (request.type === 'run') return run(request);
  if (request.type === 'close') {
    await device?.idle();
    network?.dispose();
  }
  return undefined;
}

// One after the other, in the order of arrival.
let last: Promise<void> = Promise.resolve();
port.on('message', (request: Request) => {
  last = last.then(async () => {
    try {
      const result = await handle(request);
      const buffers = [...Object.values(result?.outputs ?? {}), ...(result?.returned ?? [])].map(d => d.buffer);
      const reply: Reply = { id: request.id, ok: true, ...(result ? { result } : {}) };
      port.postMessage(reply, [...new Set(buffers)] as ArrayBuffer[]);
    } catch (error) {
      const code = error instanceof CtXaiError ? { code: error.code } : {};
      port.postMessage({ id: request.id, ok: false, message: messageOf(error), ...code } satisfies Reply);
    }
    // TF.js leaves handles behind that would keep the thread alive.
    if (request.type === 'close') process.exit(0);
  });
});
