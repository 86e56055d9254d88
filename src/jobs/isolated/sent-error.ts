import { CtXaiError, messageOf } from '../../core/errors.ts';
import type { SentError } from './messages.ts';

export function sent(error: unknown): SentError {
  if (!(error instanceof CtXaiError)) return { message: messageOf(error) };
  const { message, code, hint } = error;
  return { message, code, ...(hint === undefined ? {} : { hint }) };
}

export function received({ message, code, hint }: SentError): Error {
  return code === undefined ? new Error(message) : new CtXaiError(code, message, hint === undefined ? {} : { hint });
}
