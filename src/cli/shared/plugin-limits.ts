import type { PluginLimits } from '../../config/plan.ts';
import { limitsSchema } from '../../config/schema.ts';
import { CtXaiError } from '../../core/errors.ts';
import type { PluginOptions } from './plugin-options.ts';

/** @throws CtXaiError USAGE unless both are positive, and the memory is whole MiB. */
export function pluginLimits({ pluginSeconds, pluginMemory }: PluginOptions): PluginLimits {
  const given = {
    ...(pluginSeconds === undefined ? {} : { seconds: pluginSeconds }),
    ...(pluginMemory === undefined ? {} : { memory: pluginMemory }),
  };
  const read = limitsSchema.safeParse(given);
  if (read.success) return read.data;
  throw new CtXaiError('USAGE', '--plugin-seconds must be above 0, and --plugin-memory whole MiB from 1 on.');
}
