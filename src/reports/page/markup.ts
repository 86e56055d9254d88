/** Text that is already safe HTML. Only `html` and `trusted` make it. */
export interface Markup {
  readonly markup: string;
}

type Part = Markup | string | number | undefined | null | false | readonly Part[];

/** HTML from a template: every value is escaped, unless it is markup itself. Lists are joined; no value is nothing. */
export function html(texts: TemplateStringsArray, ...parts: readonly Part[]): Markup {
  let out = texts[0] ?? '';
  parts.forEach((part, i) => {
    out += textOf(part) + (texts[i + 1] ?? '');
  });
  return { markup: out };
}

/** For text written in this project: styles, numbers in paths. Never for text of a run. */
export function trusted(markup: string): Markup {
  return { markup };
}

function textOf(part: Part): string {
  if (part === undefined || part === null || part === false) return '';
  if (Array.isArray(part)) return part.map(textOf).join('');
  if (typeof part === 'object') return (part as Markup).markup;
  return escapeHtml(String(part));
}

// C0 controls other than tab and line ends may not stand in HTML at all.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** For text and for attributes in either quotes. */
export function escapeHtml(text: string): string {
  return text.replace(CONTROLS, '\ufffd').replace(/[&<>"']/g, c => ESCAPES[c] ?? c);
}
