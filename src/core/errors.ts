/** What went wrong, as a stable word for programs. */
export type ErrorCode =
  | 'USAGE'
  | 'SUITE'
  | 'CARD'
  | 'MODEL'
  | 'OPERATOR'
  | 'LAYER'
  | 'DATA'
  | 'IMAGE'
  | 'LABEL'
  | 'BASELINE'
  | 'PLUGIN'
  | 'ENGINE'
  | 'DEVICE'
  | 'RUN_FOLDER'
  | 'QUEUE'
  | 'IO'
  | 'INTERRUPTED';

/**
 * An error a user can act on. The message says what was wrong and where (file, key, row) and what is allowed;
 * `hint` says what to do.
 */
export class CtXaiError extends Error {
  override readonly name = 'CtXaiError';
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** The message of anything thrown, with a CtXaiError's hint. */
export function messageOf(error: unknown): string {
  if (error instanceof CtXaiError) return error.hint ? `${error.message} ${error.hint}` : error.message;
  return error instanceof Error ? error.message : String(error);
}

/** The allowed name nearest to `given` (edit distance ≤ 3, or a prefix), for "did you mean …?". */
export function nearest(given: string, allowed: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.min(3, Math.floor(given.length / 2))) + 1;
  for (const name of allowed) {
    const d = editDistance(given.toLowerCase(), name.toLowerCase());
    if (d < bestDistance) {
      best = name;
      bestDistance = d;
    }
  }
  return best ?? allowed.find(name => given.length > 2 && name.startsWith(given));
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length]!;
}
