import { defineCommand } from '../shared/command.ts';

export const exportCommand = defineCommand({
  command: 'export <model>',
  describe: 'a model with its heat map as one ONNX file, compared with explain',
  builder: cli =>
    cli
      .positional('model', {
        type: 'string',
        demandOption: true,
        describe: 'model card, its folder, or weights beside it',
      })
      .option('with', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'an explainer, such as grad-cam',
      })
      .option('out', { type: 'string', demandOption: true, requiresArg: true, describe: 'the .onnx file' })
      .option('class', { type: 'string', requiresArg: true, describe: 'class to explain; default: the predicted one' })
      .option('preset', { type: 'string', requiresArg: true, describe: "one of the explainer's presets" })
      .option('baseline', { type: 'string', requiresArg: true, describe: "instead of the explainer's own" })
      .option('option', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'key=value, may be repeated',
      })
      .option('force', { type: 'boolean', default: false, describe: 'write over a file that exists' })
      .example('$0 export model.yaml --with grad-cam --out model+cam.onnx', 'outputs: the scores, and the map')
      .example('$0 export model.yaml --with integrated-gradients --option steps=16 --out model+ig.onnx', ''),
  async handler(argv) {
    const { exportModel } = await import('./export-model.ts');
    return exportModel(argv);
  },
});
