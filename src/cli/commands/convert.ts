import { defineCommand } from '../command.ts';

export const convertCommand = defineCommand({
  command: 'convert <model>',
  describe: 'a TF.js layers model as an .onnx file, compared with the original',
  builder: cli =>
    cli
      .positional('model', { type: 'string', demandOption: true, describe: 'model.json, a model card, or its folder' })
      .option('to', { type: 'string', demandOption: true, requiresArg: true, describe: 'the .onnx file' })
      .option('size', { type: 'number', requiresArg: true, describe: 'pixels of a side, where the model takes any' })
      .option('force', { type: 'boolean', default: false, describe: 'write over a file that exists' })
      .example('$0 convert model.json --to model.onnx', ''),
  async handler(argv) {
    const { convert } = await import('../convert-model.ts');
    return convert(argv);
  },
});
