import { html, type Markup } from '../page/markup.ts';
import { px } from './axis.ts';

/** Where a long name may be broken: after these. */
const BREAK = /[-_ (:,/]/;

/**
 * Names as one line or two of at most `most` characters. What is longer loses its middle, never its end, and names that
 * would look alike are numbered.
 */
export function rowLabels(names: readonly string[], most: number): string[][] {
  const cut = names.map(name => linesOf(name, most));
  const seen = new Map<string, number>();
  return cut.map(lines => {
    const key = lines.join('\n');
    const before = seen.get(key) ?? 0;
    seen.set(key, before + 1);
    if (before === 0) return lines;
    const number = ` #${before + 1}`;
    return [...lines.slice(0, -1), `${lines[lines.length - 1]!.slice(0, most - number.length)}${number}`];
  });
}

function linesOf(name: string, most: number): string[] {
  if (name.length <= most) return [name];
  for (let at = most; at >= name.length - most && at > 0; at--) {
    if (BREAK.test(name[at - 1]!)) return [name.slice(0, at).trimEnd(), name.slice(at).trimStart()];
  }
  if (name.length <= 2 * most) return [name.slice(0, most), name.slice(most)];
  return [`${name.slice(0, most - 1)}…`, `…${name.slice(1 - most)}`];
}

/** A row's name beside a chart, its middle at `y`: it ends at `x`, or starts there. */
export function rowLabel(lines: readonly string[], x: number, y: number, anchor: 'start' | 'end' = 'end'): Markup {
  if (lines.length === 1) return html`<text x="${px(x)}" y="${px(y + 4)}" text-anchor="${anchor}">${lines[0]}</text>`;
  return html`<text text-anchor="${anchor}" class="two">${lines.map(
    (line, i) => html`<tspan x="${px(x)}" y="${px(y - 1 + 11 * i)}">${line}</tspan>`,
  )}</text>`;
}
