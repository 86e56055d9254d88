/** How this process was asked for, to be pasted into a shell. */
export function commandLine(): string {
  const quote = (word: string) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`);
  return ['ct-xai', ...process.argv.slice(2)].map(quote).join(' ');
}
