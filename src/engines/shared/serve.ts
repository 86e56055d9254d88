import { parentPort, threadId, workerData } from 'node:worker_threads';
import { CtXaiError, messageOf } from '../../core/errors.ts';
import { holding } from './gpu-lock.ts';
import { type AnswerOf, type AskedOf, buffersOf, CLOSE, type Protocol, type Reply, type Request } from './protocol.ts';

/** How a worker answers each kind of question. */
export type Handlers<P extends Protocol<P>> = {
  readonly [K in keyof P]: (asked: AskedOf<P, K>) => AnswerOf<P, K> | Promise<AnswerOf<P, K>>;
};

/**
 * Answers the questions of the main thread, one after the other, in the order of arrival. Float arrays of an answer are
 * given away. Called once, by a worker's module.
 * @param release what is to be done before the thread ends
 * @param end how it ends; default: it closes its port, and ends when nothing else keeps it alive
 */
export function serve<P extends Protocol<P>>(
  handlers: Handlers<P>,
  release: () => void | Promise<void>,
  end: () => void = () => parentPort!.close(),
): void {
  const port = parentPort!;
  const { lock } = workerData as { readonly lock?: Int32Array };
  const answers = new Map(Object.entries(handlers)) as Map<string, (asked: unknown) => unknown>;
  const answered = async ({ kind, asked }: Request): Promise<unknown> => {
    if (kind === CLOSE) return release();
    const answer = answers.get(kind);
    if (!answer) throw new Error(`the worker has no answer to '${kind}'.`);
    return answer(asked);
  };
  let last: Promise<void> = Promise.resolve();
  port.on('message', (request: Request) => {
    last = last.then(async () => {
      const { id, kind } = request;
      try {
        const answer = await holding(lock, threadId, () => answered(request));
        port.postMessage({ id, ok: true, answer } satisfies Reply, buffersOf(answer));
      } catch (error) {
        const code = error instanceof CtXaiError ? { code: error.code } : {};
        port.postMessage({ id, ok: false, message: messageOf(error), ...code } satisfies Reply);
      }
      if (kind === CLOSE) end();
    });
  });
}
