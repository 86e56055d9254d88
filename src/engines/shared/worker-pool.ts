import { Worker } from 'node:worker_threads';
import { CtXaiError } from '../../core/errors.ts';
import { releaseLock } from './gpu-lock.ts';
import type { Feed, Reply, Request, RunResult, SessionSettings } from './messages.ts';

/** Runs in flight per worker: while ONNX Runtime computes one, the next lies ready. */
export const IN_FLIGHT = 2;

type Body = Request extends infer R ? (R extends Request ? Omit<R, 'id'> : never) : never;

interface Waiting {
  readonly resolve: (result: RunResult | undefined) => void;
  readonly reject: (error: Error) => void;
}

interface Queued {
  readonly body: Body;
  /** Only workers before this number may take it. */
  readonly workers: number;
  readonly waiting: Waiting;
}

/** Worker threads that hold sessions. Sessions are known by name; each worker that is to run one has its own copy. */
export class WorkerPool {
  readonly size: number;
  readonly #threads: Thread[];
  readonly #queue: Queued[] = [];
  #failure: CtXaiError | undefined;
  #closed: Promise<void> | undefined;

  /**
   * @param url the worker's module, by `workerUrl`
   * @param runtime what messages call what runs in it
   * @param lock what the workers hold while they use a device that other pools use too
   */
  constructor(size: number, url: URL, runtime: string, lock?: Int32Array) {
    this.size = size;
    this.#threads = Array.from({ length: size }, () => new Thread(url, runtime, lock, error => this.#fail(error)));
  }

  /** Opens a session in the first `workers` workers, from a model's bytes or from its file. */
  async open(
    session: string,
    model: Uint8Array | string,
    settings: SessionSettings,
    workers = this.size,
  ): Promise<void> {
    this.#check();
    const source = typeof model === 'string' ? { bytes: new Uint8Array(), file: model } : { bytes: model };
    const request: Body = { type: 'open', session, ...source, settings };
    await settled(this.#threads.slice(0, workers).map(thread => thread.post(request)));
  }

  /**
   * Runs a session on whichever of the first `workers` workers is free first. The feeds' buffers are given away.
   * @param label whom the time on the device belongs to
   * @param only the outputs that are wanted; default: all
   */
  async run(
    session: string,
    feeds: readonly Feed[],
    workers = this.size,
    label?: string,
    only?: readonly string[],
  ): Promise<RunResult> {
    this.#check();
    const asked = { ...(label === undefined ? {} : { label }), ...(only === undefined ? {} : { only }) };
    const body: Body = { type: 'run', session, feeds, ...asked };
    const result = await new Promise<RunResult | undefined>((resolve, reject) => {
      this.#queue.push({ body, workers, waiting: { resolve, reject } });
      this.#dispatch();
    });
    return result!;
  }

  /** What each worker answers to a question. */
  async ask(question: Extract<Body, { type: 'profile' | 'times' }>): Promise<unknown[]> {
    this.#check();
    return (await settled(this.#threads.map(thread => thread.post(question)))).map(result => result?.facts);
  }

  /** Releases a session everywhere. */
  async drop(session: string): Promise<void> {
    this.#check();
    await settled(this.#threads.map(thread => thread.post({ type: 'drop', session })));
  }

  /** Releases all sessions and ends the threads; what still waits is refused. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#refuse(new CtXaiError('ENGINE', 'the model was closed while it was in use.'));
      await Promise.all(this.#threads.map(thread => thread.close()));
    })();
    return this.#closed;
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
    if (this.#closed !== undefined) throw new CtXaiError('ENGINE', 'the model is closed.');
  }

  #dispatch(): void {
    for (let i = 0; i < this.#queue.length; ) {
      const queued = this.#queue[i]!;
      const thread = this.#freest(queued.workers);
      if (!thread) {
        i++;
        continue;
      }
      this.#queue.splice(i, 1);
      thread
        .post(queued.body)
        .then(queued.waiting.resolve, queued.waiting.reject)
        .finally(() => this.#dispatch());
    }
  }

  #freest(workers: number): Thread | undefined {
    let best: Thread | undefined;
    for (const thread of this.#threads.slice(0, workers)) {
      if (thread.load < IN_FLIGHT && thread.load < (best?.load ?? IN_FLIGHT)) best = thread;
    }
    return best;
  }

  #fail(error: CtXaiError): void {
    if (this.#closed !== undefined) return;
    this.#failure ??= error;
    this.#refuse(error);
  }

  #refuse(error: CtXaiError): void {
    for (const { waiting } of this.#queue.splice(0)) waiting.reject(error);
  }
}

/** Waits for all, also when one fails, and then reports the first failure. */
async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  return (await Promise.allSettled(promises)).map(result => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

class Thread {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #exited: Promise<void>;
  readonly #runtime: string;
  #next = 0;
  #gone: CtXaiError | undefined;

  constructor(url: URL, runtime: string, lock: Int32Array | undefined, failed: (error: CtXaiError) => void) {
    this.#runtime = runtime;
    this.#worker = new Worker(url, { name: `ct-xai ${runtime}`, workerData: { lock } });
    const { threadId } = this.#worker;
    this.#worker.on('message', (reply: Reply) => this.#answer(reply));
    this.#exited = new Promise(resolve => {
      let cause: unknown;
      this.#worker.on('error', error => {
        cause = error;
      });
      this.#worker.on('exit', code => {
        if (lock) releaseLock(lock, threadId);
        const why = cause instanceof Error ? `: ${cause.message}` : ` (exit code ${code}).`;
        this.#gone = new CtXaiError('ENGINE', `a worker thread of ${runtime} ended unexpectedly${why}`, { cause });
        failed(this.#gone);
        for (const { reject } of this.#waiting.values()) reject(this.#gone);
        this.#waiting.clear();
        resolve();
      });
    });
  }

  /** Requests that it has not answered. */
  get load(): number {
    return this.#waiting.size;
  }

  post(body: Body): Promise<RunResult | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#gone) {
        reject(this.#gone);
        return;
      }
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject });
      const transfer = body.type === 'run' ? body.feeds.map(f => f.data.buffer as ArrayBuffer) : [];
      this.#worker.postMessage({ ...body, id }, transfer);
    });
  }

  async close(): Promise<void> {
    const released = this.post({ type: 'close' }).catch(() => undefined);
    await Promise.race([released, this.#exited]);
    await this.#exited;
  }

  #answer(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.ok) waiting?.resolve(reply.result);
    else waiting?.reject(new CtXaiError(reply.code ?? 'ENGINE', `${this.#runtime}: ${reply.message}`));
  }
}
