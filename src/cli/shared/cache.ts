import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where tuned engine settings are remembered: CT_XAI_CACHE, else the system's cache folder. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return env.CT_XAI_CACHE || join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'ct-xai-bench');
}
