import { type InferenceSession, Tensor } from 'onnxruntime-node';
import { type Handlers, serve } from '../../shared/serve.ts';
import { KeptNetwork } from '../changes/kept-network.ts';
import type { Feed, OnnxProtocol } from './onnx-messages.ts';
import type { Profile } from './profile.ts';
import { ProfiledSession, type ProfilingThread } from './profiled-session.ts';
import { createSession, sessionOptions } from './session-options.ts';

/** Holds sessions and runs them: `session.run` blocks its thread, so it has one of its own. */

const sessions = new Map<string, InferenceSession | ProfiledSession>();
const networks = new Map<string, KeptNetwork>();
const profiling: ProfilingThread = { times: new Map(), active: undefined };

const handlers: Handlers<OnnxProtocol> = {
  async open({ session, model, settings }) {
    const opened =
      settings.profile && model instanceof Uint8Array
        ? await ProfiledSession.open(model, settings, profiling)
        : await createSession(model, sessionOptions(settings));
    sessions.set(session, opened);
  },
  async run({ session: name, feeds, label, only }) {
    return { outputs: await run(name, feeds, label, only), returned: feeds.map(f => f.data) };
  },
  async keep({ name, plan }) {
    networks.set(name, new KeptNetwork(plan, run));
  },
  changed: ({ name, base, images }) => networks.get(name)!.scores(base, images),
  async forget({ name }) {
    networks.delete(name);
  },
  profile: async ({ session }) => (await release(session))!,
  async times() {
    for (const [name, session] of [...sessions]) if (session instanceof ProfiledSession) await release(name);
    return [...profiling.times];
  },
  async drop({ session }) {
    await release(session);
  },
};

/** @returns values by output name */
async function run(
  name: string,
  feeds: readonly Feed[],
  label?: string,
  only?: readonly string[],
): Promise<Record<string, Float32Array>> {
  const session = sessions.get(name);
  if (!session) throw new Error('the trace has ended: the model can only be closed.');
  const given = Object.fromEntries(feeds.map(f => [f.name, new Tensor('float32', f.data, f.dims)]));
  const wanted = only ?? session.outputNames;
  const results = await (session instanceof ProfiledSession
    ? session.run(given, label)
    : session.run(given, [...wanted]));
  return Object.fromEntries(wanted.map(output => [output, results[output]!.data as Float32Array]));
}

/** @returns what a session with a profile did */
async function release(name: string): Promise<Profile | undefined> {
  const session = sessions.get(name);
  sessions.delete(name);
  if (session instanceof ProfiledSession) return session.end();
  await session?.release();
  return undefined;
}

serve(handlers, async () => {
  for (const name of [...sessions.keys()]) await release(name);
});
