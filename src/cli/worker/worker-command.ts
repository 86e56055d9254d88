import { CtXaiError } from '../../core/errors.ts';
import { defineCommand } from '../shared/command.ts';

export const workerCommand = defineCommand({
  command: 'worker <address>',
  describe: "do jobs of the suites that 'run --queue' put into Redis, on this or any other machine",
  builder: cli =>
    cli
      .positional('address', { type: 'string', demandOption: true, describe: 'of Redis: redis[s]://HOST:PORT' })
      .option('models', {
        type: 'string',
        requiresArg: true,
        describe: 'folder in which models are found by their digest; default: where the suite says',
      })
      .option('data', {
        type: 'string',
        requiresArg: true,
        describe: 'folder of the images; default: where the suite says',
      })
      .option('files', { type: 'string', requiresArg: true, describe: 'the folder that --files of the run names' })
      .option('device', { type: 'string', requiresArg: true, describe: "one of the run's kind, such as cuda:1" })
      .option('allow-plugin', {
        type: 'string',
        array: true,
        requiresArg: true,
        default: [] as string[],
        describe: 'a plug-in module that may be loaded; no others are',
      })
      .option('name', { type: 'string', requiresArg: true, describe: 'what it is called; default: host and process' })
      .option('idle', { type: 'number', requiresArg: true, describe: 'end after so many seconds without work' })
      .option('patience', {
        type: 'number',
        requiresArg: true,
        default: 60,
        describe: 'seconds of silence after which it is taken for dead',
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
