import { STYLE } from '../page/style.ts';

/** Colours that a method may have: classes c0 … c9. */
const COLOURS = Array.from({ length: 10 }, (_, i) => `c${i}`);
const FONT = 'font-family:Helvetica,Arial,"Liberation Sans","DejaVu Sans",sans-serif';

/**
 * The page's rules for drawings, in its light colours and without custom properties, which programs for drawings do not
 * know: a rule that takes the method's colour becomes one rule for each colour.
 */
export function figureStyle(): string {
  const roots = new Map([.../:root\{([^}]*)\}/.exec(STYLE)![1]!.matchAll(/(--\w+):([^;]+)/g)].map(m => [m[1]!, m[2]!]));
  const known = (text: string): string =>
    text.replace(/var\((--\w+)\)/g, (whole, name: string) => roots.get(name) ?? whole);
  const screen = STYLE.slice(0, STYLE.indexOf('@media print'));
  const rules: string[] = [];
  for (const [, selectors, body] of screen.matchAll(/(?<=[}\n])(svg [^{}@]+)\{([^}]*)\}/g)) {
    rules.push(...rulesOf(selectors!, known(body!), known));
  }
  return rules.join('\n');
}

function rulesOf(selectors: string, body: string, known: (text: string) => string): string[] {
  const plain = body.replace(/font:(\d+(?:\.\d+)?px)[^;]*/, `font-size:$1;${FONT}`);
  const names = selectors.split(',').map(s => s.trim().replace(/^svg /, ''));
  const declarations = plain.split(';').filter(d => d !== '');
  const [coloured, always] = [true, false].map(is => declarations.filter(d => d.includes('var(--c)') === is).join(';'));
  const base = always ? [`${names.join(',')}{${always}}`] : [];
  if (!coloured) return base;
  const each = COLOURS.map(c => {
    const own = names.flatMap(name => [`.${c} ${name}`, ...(name.startsWith('.') ? [`.${c}${name}`] : [])]);
    return `${own.join(',')}{${coloured.replaceAll('var(--c)', known(`var(--${c})`))}}`;
  });
  return [...base, ...each];
}
