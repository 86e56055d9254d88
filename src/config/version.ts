import { readFileSync } from 'node:fs';

/** This package's version. */
export function packageVersion(): string {
  // The same two steps up from src/config and from dist/config.
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
