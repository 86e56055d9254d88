import { defineCommand } from '../shared/command.ts';
import { SAVED, type Saved } from '../shared/map-formats.ts';
import { suiteOptions } from '../shared/suite-options.ts';

export const runCommand = defineCommand({
  command: 'run <suite>',
  describe: 'Run a suite, or go on with a run that was interrupted',
  builder: cli =>
    suiteOptions(cli)
      .option('out', { type: 'string', requiresArg: true, describe: 'The run folder. Default: reports/<name>.' })
      .option('fresh', {
        type: 'boolean',
        default: false,
        describe: 'Deletes what the run folder holds and starts again.',
      })
      .option('retry-failed', { type: 'boolean', default: false, describe: 'Tries rows again that failed before.' })
      .option('shard', {
        type: 'string',
        requiresArg: true,
        describe: "K/N runs only the Kth of N parts of the images; 'merge' puts the parts together.",
      })
      .option('queue', {
        type: 'string',
        requiresArg: true,
        describe: "The address of Redis. The jobs are put there, and 'ct-xai worker' does them on any machine.",
      })
      .option('files', {
        type: 'string',
        requiresArg: true,
        describe:
          'With --queue: a folder that all machines see, or s3://BUCKET/PREFIX, through which maps go. Default: Redis.',
      })
      .option('cancel', { type: 'boolean', default: false, describe: 'With --queue: ends the run in the queue.' })
      .option('timing', {
        type: 'boolean',
        describe: 'Times the explainers after the run; --no-timing leaves this out.',
      })
      .option('save', {
        type: 'string',
        array: true,
        choices: SAVED,
        default: [] as Saved[],
        describe:
          "Also writes the explainers' maps on the scan's own pixels, to open over it: into maps/ of the run folder.",
      })
      .example('$0 run configs/covid-ct.yaml', 'everything in the suite')
      .example('$0 run configs/covid-ct.yaml --limit 6 --out /tmp/try', 'six images, spread over the labels'),
  async handler(argv) {
    const { runSuiteCommand } = await import('./run-suite-command.ts');
    return runSuiteCommand(argv);
  },
});
