import { defineCommand } from '../shared/command.ts';

export const timeCommand = defineCommand({
  command: 'time <models..>',
  describe: 'time explanations of one or more models on one or more devices, side by side',
  builder: cli =>
    cli
      .positional('models', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'model cards, folders that hold model.yaml, or weights beside their card',
      })
      .option('methods', {
        type: 'string',
        array: true,
        requiresArg: true,
        describe: 'explainers, by their defaults; default: all methods',
      })
      .option('devices', {
        type: 'string',
        array: true,
        requiresArg: true,
        describe: "'webgpu', or with the engine 'tfjs/wasm'; default: the best that works",
      })
      .option('data', {
        type: 'string',
        default: 'phantom',
        requiresArg: true,
        describe: "'phantom', or a folder of images",
      })
      .option('samples', { type: 'number', default: 3, requiresArg: true, describe: 'images timed' })
      .option('repeats', { type: 'number', default: 9, requiresArg: true, describe: 'explanations timed, at least' })
      .option('seconds', {
        type: 'number',
        default: 20,
        requiresArg: true,
        describe: 'for each method, model and device, at most',
      })
      .option('seed', { type: 'string', default: '0', requiresArg: true })
      .option('plugin', { type: 'string', array: true, default: [], requiresArg: true, describe: 'plugin modules' })
      .option('out', {
        type: 'string',
        requiresArg: true,
        describe: 'folder for timings.csv, timings.json and a page with a plot',
      })
      .option('compare', {
        type: 'string',
        requiresArg: true,
        describe: 'timings.json of an earlier start on this machine; exit code 1 if anything became slower',
      })
      .example('$0 time models/phantom-cnn models/phantom-densenet', 'two models, the best device')
      .example('$0 time models/phantom-cnn --devices cpu webgpu tfjs/wasm --out /tmp/t', 'devices side by side')
      .example('$0 time models/phantom-cnn --compare /tmp/t/timings.json', 'what became slower'),
  async handler(argv) {
    const { timeModels } = await import('./time-models.ts');
    return timeModels(argv);
  },
});
