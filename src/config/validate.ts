import type { OptionsSchema } from '../core/contracts/index.ts';
import { CtXaiError, type ErrorCode, messageOf, nearest } from '../core/errors.ts';

type Path = readonly PropertyKey[];

/** The parts of a zod issue that are read here. */
interface Issue {
  readonly code: string;
  readonly message: string;
  readonly path: Path;
  readonly expected?: string;
  readonly keys?: readonly string[];
  readonly values?: readonly unknown[];
  readonly errors?: readonly (readonly Issue[])[];
}

/** How errors say where a value stands. */
export interface CheckContext {
  readonly code: ErrorCode;
  /** The file, with a line where it is known: 'suite.yaml:12'. */
  readonly place: (path: Path) => string;
  /** The path of the value itself within the file. */
  readonly path?: Path;
}

const SHOWN = 5;

/** Letters of what was written that are shown. */
const LONGEST = 60;

/**
 * Parses `value`, or throws a CtXaiError with one line per problem: where, what was found, what is allowed, and for an
 * unknown key or name the nearest one.
 */
export function check<T>(schema: OptionsSchema, value: unknown, context: CheckContext): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data as T;
  const issues = (result.error as { issues?: readonly Issue[] }).issues;
  const root = context.path ?? [];
  if (!issues) throw new CtXaiError(context.code, `${context.place(root)}: ${messageOf(result.error)}`);
  const lines = issues
    .flatMap(issue => narrowed(issue, []))
    .map(issue => {
      const path = [...root, ...issue.path];
      return `${context.place(issue.keys ? [...path, issue.keys[0]!] : path)}: ${describe(issue, schema, value, path)}`;
    });
  const more = lines.length > SHOWN ? `\n… and ${lines.length - SHOWN} more` : '';
  throw new CtXaiError(context.code, lines.slice(0, SHOWN).join('\n') + more, { cause: result.error });
}

/** 'explainers[1].options'. */
export function pathText(path: Path): string {
  return path.map((key, i) => (typeof key === 'number' ? `[${key}]` : `${i > 0 ? '.' : ''}${String(key)}`)).join('');
}

/** An issue of a union becomes the issues of the branch that fits best. */
function narrowed(issue: Issue, above: Path): Issue[] {
  const path = [...above, ...issue.path];
  if (issue.code !== 'invalid_union' || !issue.errors?.length) return [{ ...issue, path }];
  const fitting = issue.errors.filter(branch => !branch.some(i => i.path.length === 0 && i.code === 'invalid_type'));
  if (fitting.length === 0) {
    const expected = [...new Set(issue.errors.flatMap(branch => branch.flatMap(i => i.expected ?? [])))].join(' or ');
    return [{ code: 'invalid_type', message: issue.message, path, expected }];
  }
  const size = (branch: readonly Issue[]) => branch.reduce((n, i) => n + (i.keys?.length ?? 1), 0);
  const best = fitting.reduce((a, b) => (size(b) < size(a) ? b : a));
  return best.flatMap(i => narrowed(i, path));
}

function describe(issue: Issue, schema: OptionsSchema, value: unknown, path: Path): string {
  const at = path.length > 0 ? pathText(path) : 'the file';
  if (issue.code === 'unrecognized_keys' && issue.keys) {
    const allowed = keysAt(schema, issue.path);
    const some = issue.keys.slice(0, SHOWN);
    const near = some.map(key => nearest(key.slice(0, LONGEST), allowed)).find(Boolean);
    const keys =
      some.map(key => `'${key.slice(0, LONGEST)}'`).join(', ') +
      (issue.keys.length > SHOWN ? ` and ${issue.keys.length - SHOWN} more` : '');
    const list = allowed.length > 0 ? ` Allowed: ${allowed.join(', ')}.` : ' It takes no keys.';
    return `${at} has the unknown key ${keys}.${near ? ` Did you mean '${near}'?` : ''}${list}`;
  }
  const given = valueAt(value, issue.path);
  if (issue.code === 'invalid_type' && given === undefined) return `${at} is missing; it must be ${issue.expected}.`;
  if (issue.code === 'invalid_value' && issue.values) {
    const values = issue.values.map(String);
    const near = typeof given === 'string' ? nearest(given, values) : undefined;
    return `${at} is ${show(given)}.${near ? ` Did you mean '${near}'?` : ''} Allowed: ${values.join(', ')}.`;
  }
  if (issue.code === 'invalid_type') return `${at} is ${show(given)}; it must be ${issue.expected}.`;
  return `${at} is ${show(given)}: ${issue.message}.`;
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (v, key) => (v === null || v === undefined ? v : (v as Record<PropertyKey, unknown>)[key]),
    value,
  );
}

/** What is read of a zod schema's definition; a plugin may bring its own copy of zod, so types are no help. */
interface Definition {
  readonly type: string;
  readonly shape?: Readonly<Record<string, unknown>>;
  readonly innerType?: unknown;
  readonly element?: unknown;
  readonly valueType?: unknown;
  readonly items?: readonly unknown[];
  readonly options?: readonly unknown[];
  readonly in?: unknown;
}

/** The keys that objects at this path may have. */
export function keysAt(schema: unknown, path: Path): string[] {
  let here = unwrapped(schema);
  for (const key of path) here = here.flatMap(def => unwrapped(child(def, key)));
  return [...new Set(here.flatMap(def => Object.keys(def.shape ?? {})))];
}

function child(def: Definition, key: PropertyKey): unknown {
  if (def.shape) return def.shape[String(key)];
  return def.items?.[Number(key)] ?? def.element ?? def.valueType;
}

/** Definitions behind optionals, defaults, pipes and unions. */
function unwrapped(schema: unknown): Definition[] {
  const def = (schema as { _zod?: { def?: Definition } } | undefined)?._zod?.def;
  if (!def) return [];
  if (def.innerType !== undefined) return unwrapped(def.innerType);
  if (def.type === 'pipe') return unwrapped(def.in);
  if (def.type === 'union') return (def.options ?? []).flatMap(unwrapped);
  return [def];
}
