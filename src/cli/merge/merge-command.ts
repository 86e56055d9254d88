import { defineCommand } from '../shared/command.ts';

export const mergeCommand = defineCommand({
  command: 'merge <dirs..>',
  describe: "Put the run folders of shards (run --shard K/N) together; 'run' then finishes what needs all of them",
  builder: cli =>
    cli
      .positional('dirs', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'The run folders of the shards.',
      })
      .option('out', { type: 'string', requiresArg: true, demandOption: true, describe: 'The merged run folder.' })
      .example('$0 merge parts/* --out reports/study', 'all shards that are there'),
  async handler(argv) {
    const { mergeFolders } = await import('./merge-folders.ts');
    return mergeFolders(argv);
  },
});
