import { homedir } from 'node:os';

/** The user's folder; undefined where there is none, as for a service or in a container. */
export function homeFolder(): string | undefined {
  try {
    const found = homedir();
    return found === '' || found === '/' ? undefined : found;
  } catch {
    return undefined;
  }
}
