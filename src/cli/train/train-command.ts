import { FURTHER_TRAININGS } from '../../config/further-training-names.ts';
import type { FurtherTraining } from '../../core/contracts/index.ts';
import { CONFOUNDER_NAMES } from '../../data/phantom/confounder-names.ts';
import { defineCommand } from '../shared/command.ts';

export const trainCommand = defineCommand({
  command: 'train',
  describe: 'Train a classifier on the CT phantom or on a folder of images, or go on with a training',
  builder: cli =>
    cli
      .option('arch', {
        choices: ['cnn', 'densenet', 'densenet121'] as const,
        demandOption: true,
        describe: 'The architecture.',
      })
      .option('data', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe:
          "'phantom', or a folder: pictures with an index.csv or one subfolder per class, DICOM, NIfTI, or NumPy arrays.",
      })
      .option('out', {
        type: 'string',
        demandOption: true,
        requiresArg: true,
        describe: 'The folder that the model is written into.',
      })
      .option('test-data', {
        type: 'string',
        requiresArg: true,
        describe: 'A folder whose images are all test images.',
      })
      .option('use', {
        type: 'string',
        requiresArg: true,
        describe: 'The data reader. Default: the one for this kind of files.',
      })
      .option('data-option', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: "An option of the data reader as key=value; 'list data' shows them. May be repeated.",
      })
      .option('plugin', {
        type: 'string',
        array: true,
        default: [] as string[],
        describe: 'A plug-in to load. May be repeated.',
      })
      .option('classes', {
        type: 'string',
        array: true,
        describe: 'The classes in order. Of two, the second is the positive one.',
      })
      .option('size', {
        type: 'number',
        default: 128,
        requiresArg: true,
        describe: 'Pixels a side of the network’s input.',
      })
      .option('window', {
        type: 'number',
        array: true,
        nargs: 2,
        describe: 'The HU or grey levels that become 0 and 1.',
      })
      .option('normalise', {
        choices: ['none', 'min-max', 'z-score'] as const,
        default: 'none' as const,
        describe:
          'Normalises each image by its own grey levels, after the window. For pictures whose window is unknown.',
      })
      .option('rescale', {
        type: 'number',
        array: true,
        nargs: 2,
        describe: 'Slope and intercept that turn stored values into HU.',
      })
      .option('patient-pattern', {
        type: 'string',
        requiresArg: true,
        describe: 'A regular expression; its first group, matched on a file’s path, is the patient.',
      })
      .option('redraw', {
        type: 'boolean',
        default: false,
        describe: 'Draws new splits by patient and ignores the index’s split column.',
      })
      .option('patients', {
        type: 'number',
        default: 640,
        requiresArg: true,
        describe: 'For the phantom: training patients.',
      })
      .option('val-patients', {
        type: 'number',
        default: 100,
        requiresArg: true,
        describe: 'For the phantom: validation patients.',
      })
      .option('test-patients', {
        type: 'number',
        default: 200,
        requiresArg: true,
        describe: 'For the phantom: test patients.',
      })
      .option('slices', {
        type: 'number',
        default: 2,
        requiresArg: true,
        describe: 'For the phantom: slices per patient.',
      })
      .option('confounder', {
        choices: CONFOUNDER_NAMES,
        describe:
          'For the phantom: what training, validation and test images are drawn with, for a model with a shortcut.',
      })
      .option('agreement', {
        type: 'number',
        requiresArg: true,
        describe: 'How often the confounder agrees with the label, 0.5 (no relation) to 1. Goes with --confounder.',
      })
      .option('width', {
        type: 'number',
        default: 1,
        requiresArg: true,
        describe: 'Channels, relative to the architecture’s own number.',
      })
      .option('epochs', { type: 'number', default: 30, requiresArg: true, describe: 'Epochs at most.' })
      .option('batch', { type: 'number', default: 32, requiresArg: true, describe: 'Images per step.' })
      .option('optimiser', {
        choices: ['adamw', 'sgd'] as const,
        default: 'adamw' as const,
        describe: 'AdamW, or SGD with Nesterov momentum.',
      })
      .option('rate', {
        type: 'number',
        requiresArg: true,
        describe: 'The peak learning rate. Default: 0.003 for adamw, 0.05 for sgd.',
      })
      .option('decay', {
        type: 'number',
        requiresArg: true,
        describe: 'The weight decay. Default: 0.05 for adamw, 0.0005 for sgd.',
      })
      .option('smoothing', { type: 'number', default: 0.05, requiresArg: true, describe: 'The label smoothing.' })
      .option('augment', {
        choices: ['none', 'light', 'strong'] as const,
        default: 'light' as const,
        describe: "Random rotation, scale, shift, flip, intensity and noise. 'strong' is for pictures of CT.",
      })
      .option('averaging', {
        type: 'number',
        default: 0.99,
        requiresArg: true,
        describe: 'Share of the weights’ moving average that stays at each step. 0 takes no average.',
      })
      .option('from', {
        type: 'string',
        requiresArg: true,
        describe: 'The folder of a trained model of the same --arch and --width, to start from.',
      })
      .option('class-weights', {
        type: 'boolean',
        default: true,
        describe: 'Gives all classes the same weight, however many images they have.',
      })
      .option('patience', {
        type: 'number',
        default: 10,
        requiresArg: true,
        describe: 'Stops after this many epochs without a better validation AUC.',
      })
      .option('smooth', {
        type: 'number',
        default: 5,
        requiresArg: true,
        describe: 'The best epoch is chosen by the mean validation AUC of this many epochs.',
      })
      .option('seed', {
        type: 'string',
        default: '1',
        requiresArg: true,
        describe: 'The seed of weights, order, augmentation and splits.',
      })
      .option('further', {
        choices: FURTHER_TRAININGS,
        array: true,
        default: [] as FurtherTraining[],
        describe:
          'Also trains what metrics ask for of a trained model: on random masks (f-fidelity), on shuffled labels (label-randomisation), from other seeds (reproducibility). Give the settings of the model again.',
      })
      .option('licence', { type: 'string', requiresArg: true, describe: 'The licence to write into the card.' })
      .option('fresh', { type: 'boolean', default: false, describe: 'Deletes what the folder holds and starts again.' })
      .example('$0 train --arch cnn --data phantom --out models/mine', 'synthetic CT, nothing to download')
      .example('$0 train --arch cnn --data phantom --data-option physics=projection --out models/mine', 'scanned')
      .example(
        '$0 train --arch densenet --data covid-ct --classes NonCOVID COVID --out models/mine',
        'a folder of real images, split by patient',
      ),
  async handler(argv) {
    const { trainModelCommand } = await import('./train-model.ts');
    return trainModelCommand(argv);
  },
});
