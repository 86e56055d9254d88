import { type Document, isNode, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { parsing } from '../core/boundary.ts';
import { CtXaiError, type ErrorCode, messageOf } from '../core/errors.ts';
import { readRegular } from '../files/regular.ts';

/** A parsed YAML or JSON file. */
export interface Parsed {
  readonly value: unknown;
  /** 'suite.yaml:12' for the line where the value at a path, or the nearest one above it, stands. */
  place(path: readonly PropertyKey[]): string;
}

/** Bytes of a suite or a card; nobody writes one of this size by hand. */
const MOST_BYTES = 2 ** 20;

/** Reads YAML or JSON (which is YAML). @throws CtXaiError naming file, line and column. */
export async function readYaml(path: string, code: ErrorCode, name: string): Promise<Parsed> {
  let text: string;
  try {
    text = (await readRegular(path, { limit: MOST_BYTES })).toString('utf8');
  } catch (cause) {
    throw new CtXaiError(code, `${name} ${path} can't be read (${messageOf(cause)}).`, { cause });
  }
  const lines = new LineCounter();
  const boundary = { code, what: `${path}: ${name} can't be read` };
  const document = parsing(boundary, () =>
    parseDocument(text, { lineCounter: lines, prettyErrors: true, uniqueKeys: false }),
  );
  const [error] = document.errors;
  if (error) {
    const at = error.linePos?.[0];
    // The message's first line; the others draw the place.
    const what = error.message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, '');
    throw new CtXaiError(code, `${path}${at ? `:${at.line}:${at.col}` : ''}: the YAML is not sound: ${what}.`);
  }
  const double = parsing(boundary, () => repeatedKey(document));
  if (double) {
    const { line, col } = lines.linePos(double.offset);
    throw new CtXaiError(
      code,
      `${path}:${line}:${col}: the YAML is not sound: the key '${double.key}' stands twice; keys must be unique.`,
    );
  }
  const hint = 'Aliases (*name) that repeat each other many times over are refused; write the values out.';
  const value = parsing({ ...boundary, hint }, () => document.toJS() as unknown);
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

/** A key that a map has twice, and where. The library's own check takes time by the square of the keys. */
function repeatedKey(document: Document.Parsed): { readonly key: string; readonly offset: number } | undefined {
  let found: { key: string; offset: number } | undefined;
  visit(document, {
    Map(_, map) {
      const seen = new Set<unknown>();
      for (const { key } of map.items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) {
          found = { key: String(key.value), offset: key.range?.[0] ?? 0 };
          return visit.BREAK;
        }
        seen.add(key.value);
      }
      return undefined;
    },
  });
  return found;
}
