import { defineCommand } from '../shared/command.ts';

export const viewCommand = defineCommand({
  command: 'view [dir]',
  describe: 'Show the runs in a folder in the browser, also while they work; nobody but this machine can see them',
  builder: cli =>
    cli
      .positional('dir', { type: 'string', default: 'reports', describe: 'A run folder, or a folder of run folders.' })
      .option('port', { type: 'number', default: 0, requiresArg: true, describe: 'Default: any that is free.' })
      .example('$0 view reports', 'prints an address to open'),
  async handler(argv) {
    const { viewRuns } = await import('./view-runs.ts');
    return viewRuns(argv);
  },
});
