import { defineCommand } from '../shared/command.ts';
import { SAVED, type Saved } from '../shared/map-formats.ts';
import { pluginOptions } from '../shared/plugin-options.ts';

export const explainCommand = defineCommand({
  command: 'explain [suite]',
  describe: 'Explain one image: one of a suite, or an image file',
  builder: cli =>
    pluginOptions(cli)
      .positional('suite', { type: 'string', describe: 'A suite; --sample then names the image.' })
      .option('sample', { type: 'string', requiresArg: true, describe: 'The id of an image of the suite.' })
      .option('model', {
        type: 'string',
        requiresArg: true,
        describe: 'A model card, its folder, or the weights beside it.',
      })
      .option('image', {
        type: 'string',
        requiresArg: true,
        describe: 'A picture, or a DICOM, NIfTI, MetaImage or NumPy file.',
      })
      .option('method', { type: 'string', requiresArg: true, describe: "The explainer; 'list explainers' shows all." })
      .option('preset', { type: 'string', requiresArg: true, describe: 'One of the explainer’s presets.' })
      .option('baseline', {
        type: 'string',
        requiresArg: true,
        describe: 'A baseline, instead of the explainer’s own.',
      })
      .option('target', { type: 'string', default: 'predicted', describe: "The class to explain, or 'predicted'." })
      .option('option', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'An option of the explainer as key=value. May be repeated.',
      })
      .option('metric', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'Scores the map by this metric. May be repeated.',
      })
      .option('rescale', {
        type: 'string',
        requiresArg: true,
        describe: 'SLOPE,INTERCEPT: the stored values times slope plus intercept are HU.',
      })
      .option('spacing', { type: 'number', requiresArg: true, describe: 'Millimetres per pixel of the file.' })
      .option('bits', { type: 'number', requiresArg: true, describe: 'How many bits of a 16-bit picture are in use.' })
      .option('slice', {
        type: 'number',
        requiresArg: true,
        describe: 'Which slice of a volume, counted from 0. Default: the middle one.',
      })
      .option('plane', {
        choices: ['axial', 'coronal', 'sagittal'] as const,
        describe: 'The plane in which a volume is cut.',
      })
      .option('use', {
        type: 'string',
        requiresArg: true,
        describe: 'A data reader, instead of the one for this kind of file.',
      })
      .option('seed', { type: 'string', default: '0', describe: 'The seed of explainers that draw random numbers.' })
      .option('device', {
        type: 'string',
        default: 'auto',
        describe: 'A device such as cpu or webgpu, or one with its engine, such as tfjs/wasm.',
      })
      .option('out', {
        type: 'string',
        requiresArg: true,
        describe: 'Writes a PNG picture: the image, the map over it, and a colour bar.',
      })
      .option('npy', {
        type: 'string',
        requiresArg: true,
        describe: 'Writes the map’s numbers as a NumPy array, float32 [h, w].',
      })
      .option('save', {
        choices: SAVED,
        array: true,
        default: [] as Saved[],
        describe:
          "the map on the scan's own pixels: NIfTI for 3D Slicer or ITK-SNAP, DICOM as a Parametric Map; secondary-capture is a coloured DICOM picture for viewers that show no Parametric Maps",
      })
      .option('save-to', { type: 'string', default: '.', requiresArg: true, describe: 'folder for --save' })
      .option('standard-errors', {
        type: 'boolean',
        default: false,
        describe:
          'Writes the standard errors of a map that samples too, beside the files of --npy and --save: NAME.se.npy.',
      })
      .option('list-layers', {
        type: 'boolean',
        default: false,
        describe: 'Lists the model’s layers instead of explaining.',
      })
      .example('$0 explain suite.yaml --sample patient-7/slice-2.png --out maps', 'with the numbers of a run')
      .example('$0 explain --model model.yaml --image ct.png --method grad-cam --out map.png', '')
      .example('$0 explain --model model.yaml --image ct.png --method lime --option samples=200 --npy map.npy', '')
      .example('$0 explain --model model.yaml --image ct.nii.gz --slice 40 --method grad-cam --out map.png', '')
      .example('$0 explain --model model.yaml --image IM0001.dcm --method grad-cam --save nifti --save-to maps', '')
      .example('$0 explain --model model.yaml --list-layers', ''),
  async handler(argv) {
    const { explainImage } = await import('./explain-image.ts');
    return explainImage(argv);
  },
});
