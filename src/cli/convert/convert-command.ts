import { defineCommand } from '../shared/command.ts';

export const convertCommand = defineCommand({
  command: 'convert <model>',
  describe: 'Convert a layers model of TF.js or Keras (.h5, .keras) to ONNX and compare it with the original',
  builder: cli =>
    cli
      .positional('model', {
        type: 'string',
        demandOption: true,
        describe: 'A model.json, .h5 or .keras file, a model card, or the card’s folder.',
      })
      .option('to', { type: 'string', demandOption: true, requiresArg: true, describe: 'The .onnx file to write.' })
      .option('size', {
        type: 'number',
        requiresArg: true,
        describe: 'Pixels a side, for a model that takes images of any size.',
      })
      .option('force', { type: 'boolean', default: false, describe: 'Overwrites a file that exists.' })
      .example('$0 convert model.json --to model.onnx', '')
      .example('$0 convert model.h5 --to model.onnx', 'as Keras saves it'),
  async handler(argv) {
    const { convert } = await import('./convert-file.ts');
    return convert(argv);
  },
});
