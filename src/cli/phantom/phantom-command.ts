import { PAIR_FORMATS } from '../../data/pairs/pair-formats.ts';
import { CONFOUNDER_NAMES, CONFOUNDERS, type Confounder } from '../../data/phantom/confounder-names.ts';
import { KERNEL_CHOICES, PHYSICS } from '../../data/phantom/scan-options.ts';
import { defineCommand } from '../shared/command.ts';

export const phantomCommand = defineCommand({
  command: 'phantom',
  describe: 'Write the CT phantom as files: images, the same images without each factor, masks and tables',
  builder: cli =>
    cli
      .option('out', { type: 'string', demandOption: true, requiresArg: true, describe: 'A new or empty folder.' })
      .option('format', {
        choices: PAIR_FORMATS,
        default: 'nifti' as const,
        describe: 'NIfTI has the values as they are, DICOM whole HU.',
      })
      .option('patients', {
        type: 'number',
        default: 24,
        requiresArg: true,
        describe: 'How many; half of them have lesions.',
      })
      .option('slices', { type: 'number', default: 1, requiresArg: true, describe: 'How many of each patient.' })
      .option('size', { type: 'number', default: 256, requiresArg: true, describe: 'Pixels a side.' })
      .option('seed', {
        type: 'string',
        default: 'phantom',
        requiresArg: true,
        describe: 'Another seed gives other patients.',
      })
      .option('split', {
        choices: ['train', 'val', 'test'] as const,
        default: 'test' as const,
        describe: 'Which patients; the bundled models were trained on those of train.',
      })
      .option('distractors', {
        type: 'number',
        default: 1,
        requiresArg: true,
        describe: 'Patches in soft tissue, as visible as a lesion, that mean nothing: 0, 1 or 2.',
      })
      .options(
        Object.fromEntries(
          CONFOUNDER_NAMES.map(name => [
            name,
            {
              type: 'number',
              requiresArg: true,
              describe: `Probability that ${CONFOUNDERS[name]} agrees with the label.`,
            },
          ]),
        ) as Record<Confounder, { type: 'number'; requiresArg: true; describe: string }>,
      )
      .option('physics', {
        choices: PHYSICS,
        default: 'none' as const,
        describe: "'projection' scans and reconstructs each slice, which takes several times as long.",
      })
      .option('kernel', {
        choices: KERNEL_CHOICES,
        describe: 'With --physics projection: the reconstruction kernel. Default: soft.',
      })
      .option('thickness', {
        type: 'number',
        requiresArg: true,
        describe: 'With --physics projection: mm of a slice. Default: 2.',
      })
      .option('photons', {
        type: 'number',
        requiresArg: true,
        describe:
          'With --physics projection: photons per ray and mm of thickness. Default: 18 to 29 HU of noise in soft tissue.',
      })
      .option('placebos', {
        type: 'boolean',
        default: false,
        describe: 'Writes 1,120 placebos too, by which it is known how large an effect must be.',
      })
      .option('model', {
        type: 'string',
        array: true,
        default: [] as string[],
        requiresArg: true,
        describe: 'Model cards. For each, truth.csv gets the effect of every factor on the class’s log-odds.',
      })
      .option('class', {
        type: 'string',
        requiresArg: true,
        describe: 'The class that effects are on. Default: the card’s positive class.',
      })
      .example('$0 phantom --patients 200 --out phantom', 'NIfTI files, pairs.csv and factors.csv')
      .example('$0 phantom --out phantom --physics projection --kernel sharp', 'scanned, with a sharp kernel')
      .example('$0 phantom --out phantom --letter 0.9 --line 0.5', 'with a shortcut, and something that tells nothing')
      .example('$0 phantom --out phantom --model models/phantom-cnn', 'and the effects on a model’s log-odds'),
  async handler(argv) {
    const { writePhantom } = await import('./write-phantom.ts');
    return writePhantom(argv);
  },
});
