import { builtinRegistry } from '../../builtin.ts';
import { loadPlugins } from '../../config/plugins.ts';
import { type OpenedPath, openPath, readerNamed, takenOptions } from '../../data/open-path.ts';
import { keyValues } from '../shared/key-values.ts';

export interface DataArguments {
  readonly path: string;
  readonly use?: string | undefined;
  readonly dataOption: readonly string[];
  readonly plugin: readonly string[];
}

/** The data that a command names: a path, or the phantom. */
export async function openData({ path, use, dataOption, plugin }: DataArguments): Promise<OpenedPath> {
  const { registry } = await loadPlugins(plugin, process.cwd(), builtinRegistry());
  const options = keyValues(dataOption, '--data-option');
  if (path !== 'phantom' || use !== undefined) return openPath(path, registry.readers, { use, options });
  const reader = readerNamed(path, registry.readers);
  return { dataset: await reader.open(takenOptions(reader, options), { base: process.cwd() }), use: path, options };
}
