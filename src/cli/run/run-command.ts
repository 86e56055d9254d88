import { defineCommand } from '../shared/command.ts';
import { suiteOptions } from '../shared/suite-options.ts';

export const runCommand = defineCommand({
  command: 'run <suite>',
  describe: 'run a suite, or go on with the part of it that the run folder holds',
  builder: cli =>
    suiteOptions(cli)
      .option('out', { type: 'string', requiresArg: true, describe: 'run folder; default: reports/<name>' })
      .option('fresh', { type: 'boolean', default: false, describe: 'drop what the run folder holds' })
      .option('retry-failed', { type: 'boolean', default: false, describe: 'try rows again that failed before' })
      .option('shard', {
        type: 'string',
        requiresArg: true,
        describe: "K/N: only the Kth of N parts of the images; 'merge' puts them together",
      })
      .option('queue', {
        type: 'string',
        requiresArg: true,
        describe: "address of Redis, redis[s]://…: jobs are done by 'ct-xai worker' there",
      })
      .option('files', {
        type: 'string',
        requiresArg: true,
        describe: 'with --queue: a folder that all machines see, for maps on their way; default: Redis',
      })
      .option('cancel', { type: 'boolean', default: false, describe: 'with --queue: ends the run in the queue' })
      .option('timing', { type: 'boolean', describe: 'the timing phase; --no-timing leaves it out' })
      .example('$0 run configs/covid-ct.yaml', 'everything in the suite')
      .example('$0 run configs/covid-ct.yaml --limit 6 --out /tmp/try', 'six images, spread over the labels'),
  async handler(argv) {
    const { runSuiteCommand } = await import('./run-suite-command.ts');
    return runSuiteCommand(argv);
  },
});
