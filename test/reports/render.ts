import { type ReportFile, type ReportOptions, type RunData, renderReports } from '../../src/reports/index.ts';

/** All reports of a run as text, by file name. */
export async function rendered(
  run: RunData,
  options: ReportOptions = {},
): Promise<Record<'index.html' | 'summary.md' | 'summary.csv', string>> {
  const files: ReportFile[] = [];
  for await (const file of renderReports(run, undefined, options)) files.push(file);
  return Object.fromEntries(files.map(({ file, bytes }) => [file, String(bytes)])) as never;
}

/** Numbers cut to two significant digits and pictures taken out, so that a snapshot shows what changed in sense. */
export function normalised(text: string): string {
  return text
    .replace(/data:image\/png;base64,[A-Za-z0-9+/=]+/g, 'data:image/png;base64,…')
    .replace(/(?<![\w#.])\d+\.\d+(?![\w])/g, n => String(Number(Number(n).toPrecision(2))))
    .replace(/ d="[^"]{60,}"/g, ' d="…"');
}

export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

const VOID = new Set(['meta', 'br', 'link', 'img', 'hr', 'input']);
/** Inside SVG tags may close themselves. */
const TAG = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+(?:="[^"<]*")?)*)\s*(\/?)>/y;

/** A strict reading of our own HTML: every tag closed in order, every attribute quoted, no stray < or >. @throws */
export function elementsOf(page: string): Element[] {
  const elements: Element[] = [];
  const open: string[] = [];
  let at = page.startsWith('<!doctype html>') ? '<!doctype html>'.length : 0;
  while (at < page.length) {
    const next = page.indexOf('<', at);
    const text = page.slice(at, next < 0 ? page.length : next);
    if (text.includes('>') && open[open.length - 1] !== 'style') throw new Error(`stray > in ${text.slice(0, 80)}`);
    if (/&(?!(?:amp|lt|gt|quot|#39);)/.test(text)) throw new Error(`bare & in ${text.slice(0, 80)}`);
    if (next < 0) break;
    TAG.lastIndex = next;
    const match = TAG.exec(page);
    if (!match) throw new Error(`no tag at ${next}: ${page.slice(next, next + 120)}`);
    const [whole, slash, tag = '', attributes = '', self] = match;
    at = next + whole.length;
    if (slash) {
      const last = open.pop();
      if (last !== tag) throw new Error(`</${tag}> closes <${last}> before ${page.slice(at, at + 60)}`);
    } else {
      elements.push({ name: tag, attributes: attributesOf(attributes) });
      if (!self && !VOID.has(tag)) open.push(tag);
      // A script's text is no markup.
      if (tag === 'script') at = page.indexOf('</script>', at);
    }
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(', ')}`);
  return elements;
}

function attributesOf(text: string): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [, name = '', value = ''] of text.matchAll(/([\w:-]+)(?:="([^"]*)")?/g)) {
    if (name in found) throw new Error(`attribute ${name} twice in ${text}`);
    found[name] = value;
  }
  return found;
}
