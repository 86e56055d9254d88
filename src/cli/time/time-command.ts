import { defineCommand } from '../shared/command.ts';
import { pluginOptions } from '../shared/plugin-options.ts';

export const timeCommand = defineCommand({
  command: 'time <models..>',
  describe: 'Time explanations of one or more models on one or more devices, side by side',
  builder: cli =>
    pluginOptions(cli)
      .positional('models', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'Model cards, their folders, or the weights beside them.',
      })
      .option('methods', {
        type: 'string',
        array: true,
        requiresArg: true,
        describe: 'Explainers, with their default options. Default: all.',
      })
      .option('devices', {
        type: 'string',
        array: true,
        requiresArg: true,
        describe: 'Devices such as webgpu, or with their engine, such as tfjs/wasm. Default: the best that works.',
      })
      .option('data', {
        type: 'string',
        default: 'phantom',
        requiresArg: true,
        describe: "'phantom', or a folder of images.",
      })
      .option('samples', { type: 'number', default: 3, requiresArg: true, describe: 'How many images are timed.' })
      .option('repeats', {
        type: 'number',
        default: 9,
        requiresArg: true,
        describe: 'At least this many explanations are timed.',
      })
      .option('seconds', {
        type: 'number',
        default: 20,
        requiresArg: true,
        describe: 'Seconds at most, for each explainer, model and device.',
      })
      .option('seed', { type: 'string', default: '0', requiresArg: true })
      .option('out', {
        type: 'string',
        requiresArg: true,
        describe: 'Writes timings.csv, timings.json and a page with a plot into this folder.',
      })
      .option('compare', {
        type: 'string',
        requiresArg: true,
        describe: 'The timings.json of an earlier run on this machine. The exit code is 1 if anything became slower.',
      })
      .example('$0 time models/phantom-cnn models/phantom-densenet', 'two models, the best device')
      .example('$0 time models/phantom-cnn --devices cpu webgpu tfjs/wasm --out /tmp/t', 'devices side by side')
      .example('$0 time models/phantom-cnn --compare /tmp/t/timings.json', 'what became slower'),
  async handler(argv) {
    const { timeModels } = await import('./time-models.ts');
    return timeModels(argv);
  },
});
