import { defineCommand } from '../shared/command.ts';

export const initCommand = defineCommand({
  command: 'init <model> [data]',
  describe: 'Write model.yaml and suite.yaml for a model and its data, from what can be measured',
  builder: cli =>
    cli
      .positional('model', {
        type: 'string',
        demandOption: true,
        describe: 'An .onnx, model.json, .h5 or .keras file.',
      })
      .positional('data', { type: 'string', describe: 'A folder or file of images. Default: the CT phantom.' })
      .option('out', { type: 'string', default: '.', requiresArg: true, describe: 'The folder to write into.' })
      .option('classes', {
        type: 'string',
        array: true,
        describe:
          'The names of the classes, in the order of the model’s outputs; one name for a regression’s value, with data.',
      })
      .option('force', { type: 'boolean', default: false, describe: 'Overwrites files that exist.' })
      .example('$0 init densenet121.onnx ./images', '')
      .example('$0 init model.h5 ./ct-series --classes benign malignant --out study', ''),
  async handler(argv) {
    const { initFiles } = await import('./init-files.ts');
    return initFiles(argv);
  },
});
