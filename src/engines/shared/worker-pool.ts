import { Worker } from 'node:worker_threads';
import { CtXaiError } from '../../core/errors.ts';
import { releaseLock } from './gpu-lock.ts';
import { plainFault } from './plain-fault.ts';
import {
  type AnswerOf,
  type AskedOf,
  buffersOf,
  CLOSE,
  type KindOf,
  type Protocol,
  type Reply,
  type Request,
} from './protocol.ts';

/** Runs in flight per worker: while ONNX Runtime computes one, the next lies ready. */
export const IN_FLIGHT = 2;

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A question, and the buffers that it gives away. */
interface Question {
  readonly kind: string;
  readonly asked?: unknown;
  readonly given?: readonly ArrayBuffer[];
}

interface Queued {
  readonly question: Question;
  /** Only workers before this number may take it. */
  readonly workers: number;
  readonly waiting: Waiting;
}

/** Worker threads of one engine, which are asked what its protocol has. */
export class WorkerPool<P extends Protocol<P>> {
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

  /** Asks each of the first `workers` workers. */
  async each<K extends KindOf<P>>(kind: K, asked: AskedOf<P, K>, workers = this.size): Promise<AnswerOf<P, K>[]> {
    this.#check();
    return settled(this.#threads.slice(0, workers).map(thread => thread.post({ kind, asked }))) as Promise<
      AnswerOf<P, K>[]
    >;
  }

  /** Asks whichever of the first `workers` workers is free first. The question's float arrays are given away. */
  async one<K extends KindOf<P>>(kind: K, asked: AskedOf<P, K>, workers = this.size): Promise<AnswerOf<P, K>> {
    this.#check();
    const question = { kind, asked, given: buffersOf(asked) };
    const answer = await new Promise((resolve, reject) => {
      this.#queue.push({ question, workers, waiting: { resolve, reject } });
      this.#dispatch();
    });
    return answer as AnswerOf<P, K>;
  }

  /** Ends the threads, once they have released what they hold; what still waits is refused. */
  close(): Promise<void> {
    this.#closed ??= (async () => {
      this.#refuse(new CtXaiError('ENGINE', 'the model was closed while it was in use.'));
      await Promise.all(this.#threads.map(thread => thread.close()));
    })();
    return this.#closed;
  }

  /** Ends the threads at once, whatever they are doing: for those that will never answer. */
  end(): Promise<void> {
    this.#closed ??= Promise.all(this.#threads.map(thread => thread.end())).then(() => undefined);
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
        .post(queued.question)
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

  post({ kind, asked, given = [] }: Question): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#gone) {
        reject(this.#gone);
        return;
      }
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, kind, asked } satisfies Request, given);
    });
  }

  async close(): Promise<void> {
    const released = this.post({ kind: CLOSE }).catch(() => undefined);
    await Promise.race([released, this.#exited]);
    await this.#exited;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #answer(reply: Reply): void {
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.ok) waiting?.resolve(reply.answer);
    else waiting?.reject(new CtXaiError(reply.code ?? 'ENGINE', `${this.#runtime}: ${plainFault(reply.message)}`));
  }
}
