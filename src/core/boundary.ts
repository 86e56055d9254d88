import { CtXaiError, type ErrorCode, messageOf } from './errors.ts';

/** How an error at a boundary is said. */
export interface Boundary {
  readonly code: ErrorCode;
  /** The file, and what it was read as: 'model.onnx: it can't be read as an ONNX model'. */
  readonly what: string;
  readonly hint?: string;
}

/**
 * Runs a parser of input. Whatever it throws that is no CtXaiError (a parser tripped over a file that nobody foresaw)
 * becomes one: the file is not sound, or is not read by this version.
 */
export function parsing<T>(boundary: Boundary, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    throw atBoundary(boundary, error);
  }
}

/** As `parsing`, of a parser that waits. */
export async function parsingAsync<T>(boundary: Boundary, parse: () => Promise<T>): Promise<T> {
  try {
    return await parse();
  } catch (error) {
    throw atBoundary(boundary, error);
  }
}

function atBoundary({ code, what, hint }: Boundary, error: unknown): unknown {
  if (error instanceof CtXaiError || (error instanceof Error && error.name === 'AbortError')) return error;
  return new CtXaiError(code, `${what}: ${wordsOf(error)}.`, { cause: error, ...(hint === undefined ? {} : { hint }) });
}

/** What the errors of JavaScript's engine mean for a file. */
function wordsOf(error: unknown): string {
  const message = messageOf(error).trim().replace(/\.$/, '');
  if (error instanceof RangeError && /call stack/.test(message)) return 'it is nested too deeply';
  if (error instanceof RangeError && /Invalid (typed )?array|array buffer|Invalid string/i.test(message)) {
    return 'it says that it holds more than memory does';
  }
  return message === '' ? 'it is damaged' : message;
}
