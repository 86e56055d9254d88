import { defineCommand } from '../shared/command.ts';

export const trainCommand = defineCommand({
  command: 'train',
  describe: 'train a classifier on the CT phantom or on a folder of images, or go on with a training',
  builder: cli =>
    cli
      .option('arch', {
        choices: ['cnn', 'densenet', 'densenet121'] as const,
        demandOption: true,
        describe: 'architecture',
      })
      .option('data', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: "'phantom', or a folder: pictures with index.csv or a subfolder per class, DICOM, NIfTI, arrays",
      })
      .option('out', { type: 'string', demandOption: true, requiresArg: true, describe: 'folder of the model' })
      .option('test-data', { type: 'string', requiresArg: true, describe: 'folder whose images are all test images' })
      .option('use', { type: 'string', requiresArg: true, describe: 'data reader; default: what the files suggest' })
      .option('data-option', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: "key=value, an option of the data reader (see 'list data'); may be repeated",
      })
      .option('plugin', { type: 'string', array: true, default: [] as string[], describe: 'with these plug-ins' })
      .option('classes', {
        type: 'string',
        array: true,
        describe: 'order of the classes; of two, the second is positive',
      })
      .option('size', {
        type: 'number',
        default: 128,
        requiresArg: true,
        describe: "pixels a side of the network's input",
      })
      .option('window', { type: 'number', array: true, nargs: 2, describe: 'HU or grey levels that become 0 and 1' })
      .option('normalise', {
        choices: ['none', 'min-max', 'z-score'] as const,
        default: 'none' as const,
        describe: "by each image's own grey levels, after the window; for pictures, whose windows are anybody's choice",
      })
      .option('rescale', {
        type: 'number',
        array: true,
        nargs: 2,
        describe: 'slope and intercept that make stored values HU',
      })
      .option('patient-pattern', {
        type: 'string',
        requiresArg: true,
        describe: 'its first group, on paths, is the patient',
      })
      .option('redraw', {
        type: 'boolean',
        default: false,
        describe: "draw the splits by patient, whatever the index's split column says",
      })
      .option('patients', { type: 'number', default: 640, requiresArg: true, describe: 'phantom: training patients' })
      .option('val-patients', {
        type: 'number',
        default: 100,
        requiresArg: true,
        describe: 'phantom: validation patients',
      })
      .option('test-patients', { type: 'number', default: 200, requiresArg: true, describe: 'phantom: test patients' })
      .option('slices', { type: 'number', default: 2, requiresArg: true, describe: 'phantom: slices per patient' })
      .option('width', {
        type: 'number',
        default: 1,
        requiresArg: true,
        describe: "channels relative to the architecture's own",
      })
      .option('epochs', { type: 'number', default: 30, requiresArg: true, describe: 'at most' })
      .option('batch', { type: 'number', default: 32, requiresArg: true, describe: 'images per step' })
      .option('optimiser', {
        choices: ['adamw', 'sgd'] as const,
        default: 'adamw' as const,
        describe: 'AdamW or Nesterov',
      })
      .option('rate', { type: 'number', requiresArg: true, describe: 'peak learning rate; default 0.003, sgd: 0.05' })
      .option('decay', { type: 'number', requiresArg: true, describe: 'weight decay; default 0.05, sgd: 0.0005' })
      .option('smoothing', { type: 'number', default: 0.05, requiresArg: true, describe: 'label smoothing' })
      .option('augment', {
        choices: ['none', 'light', 'strong'] as const,
        default: 'light' as const,
        describe: 'random rotation, scale, shift, flip, intensity, noise; strong: for pictures of CT',
      })
      .option('averaging', {
        type: 'number',
        default: 0.99,
        requiresArg: true,
        describe: 'share of the moving average of weights that stays at each step; 0: no average',
      })
      .option('from', {
        type: 'string',
        requiresArg: true,
        describe: 'folder of a trained model of the same --arch and --width to start from',
      })
      .option('class-weights', { type: 'boolean', default: true, describe: 'let all classes weigh the same' })
      .option('patience', {
        type: 'number',
        default: 10,
        requiresArg: true,
        describe: 'epochs without a better validation AUC',
      })
      .option('smooth', {
        type: 'number',
        default: 5,
        requiresArg: true,
        describe: 'epochs whose validation AUCs are averaged to choose the best by; 1: each by itself',
      })
      .option('seed', {
        type: 'string',
        default: '1',
        requiresArg: true,
        describe: 'weights, order, augmentation, drawn splits',
      })
      .option('licence', { type: 'string', requiresArg: true, describe: 'for the card' })
      .option('fresh', { type: 'boolean', default: false, describe: 'drop what the folder holds' })
      .example('$0 train --arch cnn --data phantom --out models/mine', 'synthetic CT, nothing to download')
      .example(
        '$0 train --arch densenet --data covid-ct --classes NonCOVID COVID --out models/mine',
        'a folder of real images, split by patient',
      ),
  async handler(argv) {
    const { trainModelCommand } = await import('./train-model.ts');
    return trainModelCommand(argv);
  },
});
