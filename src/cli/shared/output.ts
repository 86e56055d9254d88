import { relative, resolve } from 'node:path';
import { CtXaiError } from '../../core/errors.ts';
import { printable } from '../../core/printable.ts';

/** What the process ends with. */
export const ExitCode = { ok: 0, rowsFailed: 1, usage: 2, interrupted: 130 } as const;

/** A result, on stdout. */
export function print(text: string): void {
  process.stdout.write(`${printable(text)}\n`);
}

/** Progress, warnings and errors, on stderr. */
export function note(text: string): void {
  process.stderr.write(`${printable(text)}\n`);
}

/** A line with a coloured word before it, on stderr. */
function marked(word: string, code: number, text: string): void {
  process.stderr.write(`${style(word, code)}: ${printable(text)}\n`);
}

/** Says what went wrong and what to do. @returns the exit code that goes with it. */
export function printError(error: unknown): number {
  if (error instanceof CtXaiError) {
    marked('error', 31, error.message);
    if (error.hint) marked('hint', 36, error.hint);
    return error.code === 'INTERRUPTED' ? ExitCode.interrupted : ExitCode.usage;
  }
  if (isUsage(error)) {
    marked('error', 31, error.message);
    return ExitCode.usage;
  }
  const lacking = withoutItsBinary(error);
  if (lacking !== undefined) {
    marked('error', 31, `the package ${lacking} was installed without the part that is made for this machine.`);
    marked('hint', 36, 'Install once more, with optional packages: npm install --include=optional');
    return ExitCode.usage;
  }
  marked('internal error', 31, error instanceof Error ? (error.stack ?? error.message) : String(error));
  marked('hint', 36, 'This is a fault of ct-xai-bench. A run goes on when started again with the same command.');
  return ExitCode.rowsFailed;
}

/** The package whose binary, an optional package of its own, was left out when it was installed. */
function withoutItsBinary(error: unknown): string | undefined {
  return error instanceof Error ? /^Could not load the "([\w-]+)" module/.exec(error.message)?.[1] : undefined;
}

/** What yargs throws for wrong arguments. */
function isUsage(error: unknown): error is Error {
  return error instanceof Error && error.name === 'YError';
}

/** Colour where stderr is a terminal that wants it. */
function style(text: string, code: number): string {
  return process.stderr.isTTY && !process.env.NO_COLOR ? `\u001b[1;${code}m${text}\u001b[0m` : text;
}

/** Text in columns; numbers to the right. The first line is the header. */
export function textTable(lines: readonly (readonly string[])[]): string {
  const widths = lines.reduce<number[]>((held, line) => line.map((cell, i) => Math.max(held[i] ?? 0, cell.length)), []);
  const numeric = widths.map((_, i) => lines.slice(1).every(line => /^([-−+]?[\d.]+.*|–|)$/.test(line[i] ?? '')));
  return lines
    .map(line =>
      line
        .map((cell, i) => (numeric[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** A path as it is shortest to read: from here, where it lies below. */
export function shownPath(path: string): string {
  const from = relative(process.cwd(), path);
  return from.startsWith('..') ? resolve(path) : from || '.';
}

/** 75 s, 12 min, 3.4 h. */
export function duration(seconds: number): string {
  if (seconds < 90) return `${Math.max(0, Math.round(seconds))} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}
