import { readFile } from 'node:fs/promises';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { CtXaiError, type ErrorCode, messageOf } from '../core/errors.ts';

/** A parsed YAML or JSON file. */
export interface Parsed {
  readonly value: unknown;
  /** 'suite.yaml:12' for the line where the value at a path, or the nearest one above it, stands. */
  place(path: readonly PropertyKey[]): string;
}

/** Reads YAML or JSON (which is YAML). @throws CtXaiError naming file, line and column. */
export async function readYaml(path: string, code: ErrorCode, name: string): Promise<Parsed> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new CtXaiError(code, `${name} ${path} can't be read (${messageOf(cause)}).`, { cause });
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: true });
  const [error] = document.errors;
  if (error) {
    const at = error.linePos?.[0];
    // The message's first line; the others draw the place.
    const what = error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '');
    throw new CtXaiError(code, `${path}${at ? `:${at.line}:${at.col}` : ''}: the YAML is not sound: ${what}.`);
  }
  let value: unknown;
  try {
    value = document.toJS();
  } catch (cause) {
    throw new CtXaiError(code, `${path}: ${name} can't be read: ${messageOf(cause)}.`, {
      hint: 'Aliases (*name) that repeat each other many times over are refused; write the values out.',
      cause,
    });
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new CtXaiError(
      code,
      `${path}: ${name} must be a map of keys, not ${value === null ? 'empty' : typeof value}.`,
    );
  }
  return {
    value,
    place(full) {
      for (let n = full.length; n > 0; n--) {
        const node = document.getIn(full.slice(0, n), true);
        if (isNode(node) && node.range) return `${path}:${lines.linePos(node.range[0]).line}`;
      }
      return path;
    },
  };
}
