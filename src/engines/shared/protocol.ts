import type { ErrorCode } from '../../core/errors.ts';

/**
 * What an engine's main thread asks its workers, and what they answer: one function type for each kind of question.
 * Questions and answers are copied between threads, so they are plain data and typed arrays.
 */
export type Protocol<P> = { readonly [K in keyof P]: (asked: never) => unknown };

export type KindOf<P> = keyof P & string;

export type AskedOf<P, K extends keyof P> = P[K] extends (asked: infer A) => unknown ? A : never;

export type AnswerOf<P, K extends keyof P> = P[K] extends (asked: never) => infer R ? R : never;

/** A question on its way to a worker. `close` ends the worker; no engine has a question of that name. */
export interface Request {
  readonly id: number;
  readonly kind: string;
  readonly asked?: unknown;
}

export const CLOSE = 'close';

export type Reply =
  | { readonly id: number; readonly ok: true; readonly answer?: unknown }
  /** `code`: where it is not just that the engine failed. */
  | { readonly id: number; readonly ok: false; readonly message: string; readonly code?: ErrorCode };

/** The buffers of all float arrays in a message: they are given to the other thread, not copied. */
export function buffersOf(message: unknown, found = new Set<ArrayBuffer>()): ArrayBuffer[] {
  if (message instanceof Float32Array) found.add(message.buffer as ArrayBuffer);
  else if (typeof message === 'object' && message !== null && !ArrayBuffer.isView(message)) {
    for (const value of Object.values(message)) buffersOf(value, found);
  }
  return [...found];
}
