import { parentPort } from 'node:worker_threads';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { messageOf } from '../../core/errors.ts';
import type { Reply, Request, RunResult } from './messages.ts';
import { sessionOptions } from './session-options.ts';

/** Holds sessions and runs them: `session.run` blocks its thread, so it has one of its own. */

const port = parentPort!;
const sessions = new Map<string, InferenceSession>();

async function handle(request: Request): Promise<RunResult | undefined> {
  switch (request.type) {
    case 'open':
      sessions.set(request.session, await InferenceSession.create(request.bytes, sessionOptions(request.settings)));
      return undefined;
    case 'run': {
      const session = sessions.get(request.session)!;
      const feeds = Object.fromEntries(request.feeds.map(f => [f.name, new Tensor('float32', f.data, f.dims)]));
      const results = await session.run(feeds);
      const outputs = Object.fromEntries(session.outputNames.map(name => [name, results[name]!.data as Float32Array]));
      return { outputs, returned: request.feeds.map(f => f.data) };
    }
    case 'drop':
      await release(request.session);
      return undefined;
    case 'close':
      for (const name of [...sessions.keys()]) await release(name);
      return undefined;
  }
}

async function release(name: string): Promise<void> {
  const session = sessions.get(name);
  sessions.delete(name);
  await session?.release();
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
      const result = await handle(request);
      const reply: Reply = { id: request.id, ok: true, ...(result ? { result } : {}) };
      port.postMessage(reply, buffersOf(result));
    } catch (error) {
      port.postMessage({ id: request.id, ok: false, message: messageOf(error) } satisfies Reply);
    }
    if (request.type === 'close') port.close();
  });
});
