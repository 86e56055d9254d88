import { defineCommand } from '../shared/command.ts';

export const explainCommand = defineCommand({
  command: 'explain [suite]',
  describe: 'explain one image: one of a suite, or an image file',
  builder: cli =>
    cli
      .positional('suite', { type: 'string', describe: 'a suite, with --sample' })
      .option('sample', { type: 'string', requiresArg: true, describe: 'the id of an image of the suite' })
      .option('model', { type: 'string', requiresArg: true, describe: 'model card, its folder, or weights beside it' })
      .option('image', {
        type: 'string',
        requiresArg: true,
        describe: 'picture, DICOM, NIfTI, MetaImage or NumPy file',
      })
      .option('method', { type: 'string', requiresArg: true, describe: "an explainer (see 'list explainers')" })
      .option('preset', { type: 'string', requiresArg: true, describe: "one of the explainer's presets" })
      .option('baseline', { type: 'string', requiresArg: true, describe: "instead of the explainer's own" })
      .option('target', { type: 'string', default: 'predicted', describe: 'class to explain' })
      .option('option', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'key=value, may be repeated',
      })
      .option('metric', { type: 'string', array: true, default: [] as string[], describe: 'score the map by it' })
      .option('rescale', { type: 'string', requiresArg: true, describe: 'SLOPE,INTERCEPT: stored values are HU so' })
      .option('spacing', { type: 'number', requiresArg: true, describe: 'mm per pixel of the file' })
      .option('bits', { type: 'number', requiresArg: true, describe: 'bits that a 16-bit picture uses' })
      .option('slice', { type: 'number', requiresArg: true, describe: 'of several, from 0; default: the middle one' })
      .option('plane', { choices: ['axial', 'coronal', 'sagittal'] as const, describe: 'how a volume is cut' })
      .option('use', {
        type: 'string',
        requiresArg: true,
        describe: "another data reader than the file's kind suggests",
      })
      .option('seed', { type: 'string', default: '0', describe: 'of explainers that draw' })
      .option('device', {
        type: 'string',
        default: 'auto',
        describe: 'cpu, webgpu, wasm, …, or with its engine: tfjs/wasm',
      })
      .option('plugin', { type: 'string', array: true, default: [] as string[], describe: 'with these plugins' })
      .option('out', { type: 'string', requiresArg: true, describe: 'PNG: the image, the map over it, a colour bar' })
      .option('npy', { type: 'string', requiresArg: true, describe: "the map's numbers, float32 [h, w]" })
      .option('list-layers', { type: 'boolean', default: false, describe: "the model's layers instead" })
      .example('$0 explain suite.yaml --sample patient-7/slice-2.png --out maps', 'with the numbers of a run')
      .example('$0 explain --model model.yaml --image ct.png --method grad-cam --out map.png', '')
      .example('$0 explain --model model.yaml --image ct.png --method lime --option samples=200 --npy map.npy', '')
      .example('$0 explain --model model.yaml --image ct.nii.gz --slice 40 --method grad-cam --out map.png', '')
      .example('$0 explain --model model.yaml --list-layers', ''),
  async handler(argv) {
    const { explainImage } = await import('./explain-image.ts');
    return explainImage(argv);
  },
});
