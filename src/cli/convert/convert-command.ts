import { defineCommand } from '../shared/command.ts';

export const convertCommand = defineCommand({
  command: 'convert <model>',
  describe: 'a layers model of TF.js or Keras (.h5, .keras) as an .onnx file, compared with the original',
  builder: cli =>
    cli
      .positional('model', {
        type: 'string',
        demandOption: true,
        describe: 'model.json, model.h5, model.keras, a model card, or its folder',
      })
      .option('to', { type: 'string', demandOption: true, requiresArg: true, describe: 'the .onnx file' })
      .option('size', { type: 'number', requiresArg: true, describe: 'pixels of a side, where the model takes any' })
      .option('force', { type: 'boolean', default: false, describe: 'write over a file that exists' })
      .example('$0 convert model.json --to model.onnx', '')
      .example('$0 convert model.h5 --to model.onnx', 'as Keras saves it'),
  async handler(argv) {
    const { convert } = await import('./convert-file.ts');
    return convert(argv);
  },
});
