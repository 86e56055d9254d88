import { defineCommand } from '../shared/command.ts';

const KINDS = ['explainers', 'metrics', 'baselines', 'data', 'engines'] as const;

export const listCommand = defineCommand({
  command: 'list <kind>',
  describe: 'List explainers, metrics and other parts, with needs, options, defaults and sources',
  builder: cli =>
    cli
      .positional('kind', { choices: KINDS, demandOption: true })
      .option('name', { type: 'string', requiresArg: true, describe: 'Shows only the part of this name.' })
      .option('plugin', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'A plug-in to load. May be repeated.',
      })
      .option('json', { type: 'boolean', default: false, describe: 'Prints JSON.' })
      .example('$0 list explainers --name lime', 'its options'),
  async handler(argv) {
    const { listParts } = await import('./list-parts.ts');
    return listParts(argv);
  },
});
