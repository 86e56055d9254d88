import { defineCommand } from '../shared/command.ts';

export const exportCommand = defineCommand({
  command: 'export <model>',
  describe: "Write a model with its heat map as one ONNX file, and compare it with 'explain'",
  builder: cli =>
    cli
      .positional('model', {
        type: 'string',
        demandOption: true,
        describe: 'A model card, its folder, or the weights beside it.',
      })
      .option('with', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'The explainer, such as grad-cam.',
      })
      .option('out', { type: 'string', demandOption: true, requiresArg: true, describe: 'The .onnx file to write.' })
      .option('class', {
        type: 'string',
        requiresArg: true,
        describe: 'The class to explain. Default: the predicted one, chosen inside the graph.',
      })
      .option('preset', { type: 'string', requiresArg: true, describe: 'One of the explainer’s presets.' })
      .option('baseline', {
        type: 'string',
        requiresArg: true,
        describe: 'A baseline, instead of the explainer’s own.',
      })
      .option('option', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'An option of the explainer as key=value. May be repeated.',
      })
      .option('force', { type: 'boolean', default: false, describe: 'Overwrites a file that exists.' })
      .example('$0 export model.yaml --with grad-cam --out model+cam.onnx', 'outputs: the scores, and the map')
      .example('$0 export model.yaml --with integrated-gradients --option steps=16 --out model+ig.onnx', ''),
  async handler(argv) {
    const { exportModel } = await import('./export-model.ts');
    return exportModel(argv);
  },
});
