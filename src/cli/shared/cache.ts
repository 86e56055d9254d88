import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { homeFolder } from '../../files/home.ts';

/** Where tuned engine settings are remembered: CT_XAI_CACHE, else the user's cache folder, else one for temporary files. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env.CT_XAI_CACHE) return env.CT_XAI_CACHE;
  const home = homeFolder();
  const caches = env.XDG_CACHE_HOME || (home === undefined ? undefined : join(home, '.cache'));
  if (caches !== undefined) return join(caches, 'ct-xai-bench');
  return join(tmpdir(), `ct-xai-bench-${process.getuid?.() ?? 'cache'}`);
}
