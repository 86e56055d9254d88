import { defineCommand } from '../shared/command.ts';

export const initCommand = defineCommand({
  command: 'init <model> [data]',
  describe: 'write model.yaml and suite.yaml for a model and its data, from what can be measured',
  builder: cli =>
    cli
      .positional('model', { type: 'string', demandOption: true, describe: '.onnx, model.json, .h5 or .keras file' })
      .positional('data', { type: 'string', describe: 'folder or file of images; without it, the CT phantom' })
      .option('out', { type: 'string', default: '.', requiresArg: true, describe: 'the folder to write into' })
      .option('classes', { type: 'string', array: true, describe: "names in the order of the model's outputs" })
      .option('force', { type: 'boolean', default: false, describe: 'overwrite files that are there' })
      .example('$0 init densenet121.onnx ./images', '')
      .example('$0 init model.h5 ./ct-series --classes benign malignant --out study', ''),
  async handler(argv) {
    const { initFiles } = await import('./init-files.ts');
    return initFiles(argv);
  },
});
