import type { MessagePort } from 'node:worker_threads';
import type { Plan } from '../../config/plan.ts';
import type { FullClassifier, Sample } from '../../core/contracts/index.ts';
import { messageOf } from '../../core/errors.ts';
import type { Row } from '../../results/rows.ts';
import { execute } from '../execute.ts';
import type { Job, ModelRef } from '../job.ts';
import { createLocalServices, type LocalServices } from '../local-services.ts';
import type { ModelSession } from '../open-model.ts';
import type { JobResult } from '../services.ts';
import type { Answer, Description, FromWorker, Question, ToWorker } from './messages.ts';
import { remoteModel } from './remote-model.ts';
import { received, sent } from './sent-error.ts';

/** Images that are kept: jobs of a few images take turns. */
const KEPT = 3;

/** The thread that jobs with plug-in parts run in: reads the plan anew, and asks the other thread for the model. */
export async function runPluginThread(port: MessagePort, load: () => Promise<Plan>): Promise<void> {
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
  const run = async (id: number, job: Job): Promise<void> => {
    try {
      if ('sample' in job) await begin(job, services, begun);
      say({ kind: 'done', id, result: await execute(job, services) });
    } catch (error) {
      say({ kind: 'done', id, error: sent(error) });
    }
  };
  port.on('message', (message: ToWorker) => {
    if (message.kind === 'job') {
      results = message.results;
      void run(message.id, message.job);
    } else {
      waiting.get(message.id)?.(message);
      waiting.delete(message.id);
    }
  });
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
