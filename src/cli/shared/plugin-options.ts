import type { Argv } from 'yargs';

/** Plug-ins of a command that needs no suite, and what one unit of their work may take. */
export interface PluginOptions {
  readonly plugin: readonly string[];
  readonly pluginSeconds?: number | undefined;
  readonly pluginMemory?: number | undefined;
}

/** Their options. */
export function pluginOptions<T>(cli: Argv<T>) {
  return cli
    .option('plugin', {
      type: 'string',
      array: true,
      default: [] as string[],
      requiresArg: true,
      describe: 'A plug-in to load. May be repeated.',
    })
    .option('plugin-seconds', {
      type: 'number',
      requiresArg: true,
      describe: 'Seconds that one explanation by a plug-in may take. Default: 600.',
    })
    .option('plugin-memory', {
      type: 'number',
      requiresArg: true,
      describe: 'MiB that one explanation by a plug-in may use. Default: 4096.',
    });
}

/** The arguments as plain data, for another thread. */
export function plainArguments(argv: object): object {
  return JSON.parse(JSON.stringify(argv)) as object;
}
