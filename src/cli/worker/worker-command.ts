import { CtXaiError } from '../../core/errors.ts';
import { defineCommand } from '../shared/command.ts';

export const workerCommand = defineCommand({
  command: 'worker <address>',
  describe: "Do jobs of the suites that 'run --queue' put into Redis, on this or any other machine",
  builder: cli =>
    cli
      .positional('address', {
        type: 'string',
        demandOption: true,
        describe: 'The address of Redis, as redis://HOST:PORT or rediss://HOST:PORT.',
      })
      .option('models', {
        type: 'string',
        requiresArg: true,
        describe:
          'The folder, or s3://BUCKET/PREFIX, in which models are found by their digest. Default: where the suite says.',
      })
      .option('data', {
        type: 'string',
        requiresArg: true,
        describe: 'The folder, or s3://BUCKET/PREFIX, of the images. Default: where the suite says.',
      })
      .option('files', {
        type: 'string',
        requiresArg: true,
        describe: 'The folder or bucket that the run names with --files.',
      })
      .option('device', {
        type: 'string',
        requiresArg: true,
        describe: 'A device of the same kind as the run’s, such as cuda:1.',
      })
      .option('allow-plugin', {
        type: 'string',
        array: true,
        requiresArg: true,
        default: [] as string[],
        describe: 'A plug-in that this worker may load; it loads no others.',
      })
      .option('name', {
        type: 'string',
        requiresArg: true,
        describe: 'The worker’s name. Default: the host’s name and the process’s number.',
      })
      .option('idle', { type: 'number', requiresArg: true, describe: 'Ends after this many seconds without work.' })
      .option('patience', {
        type: 'number',
        requiresArg: true,
        default: 60,
        describe: 'After this many seconds without a sign of life the worker counts as dead.',
      })
      .check(({ idle, patience }) => {
        if ((idle === undefined || idle >= 0) && patience >= 1) return true;
        throw new CtXaiError('USAGE', '--idle must be 0 or more seconds, and --patience 1 or more.');
      })
      .example('$0 worker redis://10.0.0.5 --models ./models --data ./images', 'works until Ctrl-C'),
  async handler(argv) {
    const { runWorker } = await import('./run-worker.ts');
    return runWorker(argv);
  },
});
