import { performance } from 'node:perf_hooks';
import type { MessagePort } from 'node:worker_threads';
import type { FullClassifier, Sample } from '../../core/contracts/index.ts';
import { messageOf } from '../../core/errors.ts';
import type { Rng } from '../../core/rng.ts';
import type { Row } from '../../results/rows.ts';
import { execute } from '../execute.ts';
import type { Job, ModelRef } from '../job.ts';
import { varied } from '../loaded-image.ts';
import { createLocalServices, type LocalServices, type ServicesPlan } from '../local-services.ts';
import type { ModelSession } from '../open-model.ts';
import type { JobResult, Services } from '../services.ts';
import { NOTHING_SHARED } from '../shared-work.ts';
import { watchRng } from '../watched-rng.ts';
import type { Answer, Description, FromWorker, Question, ToWorker } from './messages.ts';
import { remoteModel } from './remote-model.ts';
import { received, sent } from './sent-error.ts';

/** Images that are kept: jobs of a few images take turns. */
const KEPT = 3;

/** What the thread needs of its plan. */
export type ThreadPlan = ServicesPlan & { readonly digest: string };

/** The thread that jobs with plug-in parts run in: reads the plan anew, and asks the other thread for the model. */
export async function runPluginThread(port: MessagePort, load: () => Promise<ThreadPlan>): Promise<void> {
  const say = (message: FromWorker, given: readonly ArrayBuffer[] = []) => port.postMessage(message, [...given]);
  const stray = (error: unknown) => say({ kind: 'stray', message: messageOf(error) });
  process.on('uncaughtException', stray);
  process.on('unhandledRejection', stray);
  const waiting = new Map<number, (answer: Extract<ToWorker, { kind: 'answer' }>) => void>();
  let asked = 0;
  const ask = async (model: ModelRef, question: Question, given: readonly ArrayBuffer[] = []): Promise<unknown> => {
    const id = asked++;
    const { value, error } = await new Promise<Extract<ToWorker, { kind: 'answer' }>>(resolve => {
      waiting.set(id, resolve);
      say({ kind: 'ask', id, model, question }, given);
    });
    if (error) throw received(error);
    return value;
  };
  let services: LocalServices;
  let results: readonly JobResult[] = [];
  try {
    const plan = await load();
    const store = {
      rowsOf: async (): Promise<Row[]> => results.map(result => result.row),
      arraysOf: async (row: Row) => results.find(result => result.row === row)?.arrays ?? {},
    };
    const open = (model: ModelRef) => remoteSession((question, given) => ask(model, question, given));
    services = createLocalServices({ plan, store, signal: new AbortController().signal, open });
    say({ kind: 'ready', digest: plan.digest });
  } catch (error) {
    say({ kind: 'lost', error: sent(error) });
    return;
  }
  const begun = new Map<string, Sample>();
  const run = async (message: Exclude<ToWorker, { kind: 'answer' }>): Promise<void> => {
    const { id, job } = message;
    try {
      if ('sample' in job) await begin(job, services, begun);
      if (message.kind === 'prepare') {
        if ('sample' in job) await services.image(job.model, job.sample);
        say({ kind: 'done', id });
      } else if (message.variation === undefined) say({ kind: 'done', id, result: await execute(job, services) });
      else say({ kind: 'done', id, ...(await measured(job, services, message.variation)) });
    } catch (error) {
      say({ kind: 'done', id, error: sent(error) });
    }
  };
  port.on('message', (message: ToWorker) => {
    if (message.kind !== 'answer') {
      if (message.kind === 'job') results = message.results;
      void run(message);
    } else {
      waiting.get(message.id)?.(message);
      waiting.delete(message.id);
    }
  });
}

/** Does a job that is measured: it shares nothing, and its image is one that no explainer has seen. */
async function measured(job: Job, { effects: _, chance: __, ...services }: LocalServices, variation: number) {
  let drawn = () => false;
  const alone: Services = {
    ...services,
    shared: () => NOTHING_SHARED,
    image: async (model, sample) => varied(await services.image(model, sample), variation),
    watchRng(rng: Rng) {
      const watching = watchRng(rng);
      drawn = watching.drawn;
      return watching.rng;
    },
  };
  const before = performance.eventLoopUtilization();
  const result = await execute(job, alone);
  return { result, drawn: drawn(), jsMs: performance.eventLoopUtilization(before).active };
}

async function remoteSession(
  ask: (question: Question, given?: readonly ArrayBuffer[]) => Promise<unknown>,
): Promise<ModelSession> {
  const about = (await ask({ method: 'describe', args: [] })) as Description;
  const classifier: FullClassifier = remoteModel({
    about,
    ask: async (method, args, given) => (await ask({ method, args }, given)) as Answer,
    meters: [],
  });
  return { runtime: about.runtime, run: work => work(classifier), close: async () => {} };
}

/** The job's image is read once for all of its jobs, as long as few others come between. */
async function begin(job: Exclude<Job, { kind: 'group-score' }>, services: LocalServices, begun: Map<string, Sample>) {
  const { id } = job.sample;
  const known = begun.get(id);
  begun.delete(id);
  if (known) {
    begun.set(id, known);
    return;
  }
  const { sample, index } = await services.sample(job.model, job.sample);
  services.begin(sample, index);
  begun.set(id, sample);
  for (const [other, old] of [...begun].slice(0, -KEPT)) {
    services.end(old);
    begun.delete(other);
  }
}
