import { parentPort, threadId, workerData } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { messageOf } from '../../../core/errors.ts';
import { holding } from '../../shared/gpu-lock.ts';
import type { Reply, Request, RunResult, SessionSettings } from '../../shared/messages.ts';
import { ProfiledSession, type ProfilingThread } from './profiled-session.ts';
import { sessionOptions } from './session-options.ts';

/** Holds sessions and runs them: `session.run` blocks its thread, so it has one of its own. */

const port = parentPort!;
const { lock } = workerData as { readonly lock?: Int32Array };
const sessions = new Map<string, InferenceSession | ProfiledSession>();
const profiling: ProfilingThread = { times: new Map(), active: undefined };

async function handle(request: Request): Promise<RunResult | undefined> {
  switch (request.type) {
    case 'open': {
      const { bytes, file, settings } = request;
      const opened = settings.profile
        ? await ProfiledSession.open(bytes, settings, profiling)
        : await plainSession(file ?? bytes, settings);
      sessions.set(request.session, opened);
      return undefined;
    }
    case 'run':
      return run(request);
    case 'drop':
      await release(request.session);
      return undefined;
    case 'profile':
      return facts(await release(request.session));
    case 'times':
      for (const [name, session] of [...sessions]) if (session instanceof ProfiledSession) await release(name);
      return facts([...profiling.times]);
    case 'close':
      for (const name of [...sessions.keys()]) await release(name);
      return undefined;
  }
}

/** From bytes, or from the file itself with the weights beside it. */
function plainSession(model: Uint8Array | string, settings: SessionSettings): Promise<InferenceSession> {
  const options = sessionOptions(settings);
  return typeof model === 'string' ? InferenceSession.create(model, options) : InferenceSession.create(model, options);
}

async function run(request: Extract<Request, { type: 'run' }>): Promise<RunResult> {
  const session = sessions.get(request.session);
  if (!session) throw new Error('the trace has ended: the model can only be closed.');
  const feeds = Object.fromEntries(request.feeds.map(f => [f.name, new Tensor('float32', f.data, f.dims)]));
  const { only = session.outputNames } = request;
  const results = await (session instanceof ProfiledSession
    ? session.run(feeds, request.label)
    : session.run(feeds, [...only]));
  const outputs = Object.fromEntries(only.map(name => [name, results[name]!.data as Float32Array]));
  return { outputs, returned: request.feeds.map(f => f.data) };
}

function facts(known: unknown): RunResult {
  return { outputs: {}, returned: [], facts: known };
}

async function release(name: string): Promise<unknown> {
  const session = sessions.get(name);
  sessions.delete(name);
  return session instanceof ProfiledSession ? session.end() : session?.release();
}

function buffersOf(result: RunResult | undefined): ArrayBuffer[] {
  if (!result) return [];
  return [...Object.values(result.outputs), ...result.returned].map(data => data.buffer as ArrayBuffer);
}

// One after the other, in the order of arrival.
let last: Promise<void> = Promise.resolve();
port.on('message', (request: Request) => {
  last = last.then(async () => {
    try {
      const result = await holding(lock, threadId, () => handle(request));
      const reply: Reply = { id: request.id, ok: true, ...(result ? { result } : {}) };
      port.postMessage(reply, buffersOf(result));
    } catch (error) {
      port.postMessage({ id: request.id, ok: false, message: messageOf(error) } satisfies Reply);
    }
    if (request.type === 'close') port.close();
  });
});
