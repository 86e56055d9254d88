/** Control characters (of ASCII and Latin-1), those that turn the direction of text, and line separators. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/g;

/**
 * The text with control characters written out, '\x1b': names come from files, and a terminal or a page would obey
 * them. Line breaks and tabs stay.
 */
export function printable(text: string): string {
  return text.replace(CONTROL, found => {
    const code = found.charCodeAt(0);
    return code < 256 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16)}`;
  });
}

/** As `printable`, on one line. */
export function printableLine(text: string): string {
  return printable(text.replace(/\r\n|[\r\n\t]/g, ' '));
}
