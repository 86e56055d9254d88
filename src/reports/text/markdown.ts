/**
 * A table in GitHub's Markdown.
 * @param numeric columns that are aligned right
 */
export function markdownTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  numeric: readonly number[] = [],
): string {
  const line = (cells: readonly string[]) => `| ${cells.map(markdownText).join(' | ')} |`;
  const rule = header.map((_, i) => (numeric.includes(i) ? '---:' : '---'));
  return [line(header), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

/** Text of a run on one line, with nothing in it that Markdown or HTML would read. */
export function markdownText(value: string): string {
  return (
    value
      .replace(/\s+/g, ' ')
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      .replace(/[\u0000-\u001f\u007f]/g, '\ufffd')
      .replace(/[\\`*_[\]<>#|~&$]/g, '\\$&')
      .trim()
  );
}

/** For each of several models its blocks under its name; of one model alone the blocks. */
export function byModel<T extends { readonly model: { readonly id: string } }>(
  models: readonly T[],
  blocks: (model: T) => readonly string[],
  several = models.length > 1,
): string[] {
  return models.flatMap(model => [...(several ? [`### ${markdownText(model.model.id)}`] : []), ...blocks(model)]);
}
