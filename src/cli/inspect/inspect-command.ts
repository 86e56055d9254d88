import { defineCommand } from '../shared/command.ts';

export const inspectModelCommand = defineCommand({
  command: 'inspect <model>',
  describe: 'what is measured on a model: inputs, outputs, independence, layers, which explainers it can have',
  builder: cli =>
    cli
      .positional('model', { type: 'string', demandOption: true, describe: 'model card, its folder, or weights' })
      .option('device', { type: 'string', default: 'auto', describe: 'cpu, webgpu, wasm, …' })
      .option('json', { type: 'boolean', default: false, describe: 'as JSON' })
      .example('$0 inspect densenet121.onnx', '')
      .example('$0 inspect model.yaml --json', ''),
  async handler(argv) {
    const { inspectModel } = await import('./inspect-model.ts');
    return inspectModel(argv);
  },
});
