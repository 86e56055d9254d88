import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../core/errors.ts';
import type { Reply, Request, RunResult } from '../onnx/messages.ts';
import { compute, type Task } from './compute.ts';
import { useDevice } from './devices.ts';
import { loadNetwork } from './load.ts';
import type { Network } from './network.ts';
import { SHAPES, type Spec, STAGES } from './spec.ts';

/** Holds one model: TF.js computes in the thread that calls it, and has one device a thread. */

const port = parentPort!;
let network: Network | undefined;
let spec: Spec | undefined;

async function open(stage: string, bytes: Uint8Array): Promise<void> {
  spec = JSON.parse(new TextDecoder().decode(bytes)) as Spec;
  if (stage === STAGES.device) await useDevice(spec.device);
  else network = await loadNetwork(spec);
}

async function run(request: Extract<Request, { type: 'run' }>): Promise<RunResult> {
  const { tensor4d } = await import('@tensorflow/tfjs-core');
  const [feed] = request.feeds;
  const { data, dims } = feed!;
  if (request.session === SHAPES) {
    const images = tensor4d(data, dims as [number, number, number, number]);
    const shapes = network!.shapes(images);
    images.dispose();
    const outputs = Object.fromEntries(Object.entries(shapes).map(([name, shape]) => [name, Float32Array.from(shape)]));
    return { outputs, returned: [data] };
  }
  const answer = compute(network!, spec!.head, JSON.parse(request.session) as Task, data, [...dims]);
  return { outputs: Object.fromEntries(Object.entries(answer).map(([k, v]) => [k, own(v)])), returned: [data] };
}

/** A buffer that can be given away: a back end may hand out a view of its own memory. */
function own(data: Float32Array): Float32Array {
  return data.byteLength === data.buffer.byteLength && data.buffer instanceof ArrayBuffer ? data : data.slice();
}

async function handle(request: Request): Promise<RunResult | undefined> {
  if (request.type === 'open') await open(request.session, request.bytes);
  if (request.type === 'run') return run(request);
  if (request.type === 'close') network?.dispose();
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
      port.postMessage({ id: request.id, ok: false, message: messageOf(error) } satisfies Reply);
    }
    // TF.js leaves handles behind that would keep the thread alive.
    if (request.type === 'close') process.exit(0);
  });
});
