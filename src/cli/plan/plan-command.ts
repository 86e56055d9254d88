import { CtXaiError } from '../../core/errors.ts';
import { defineCommand } from '../shared/command.ts';

export const planCommand = defineCommand({
  command: 'plan',
  describe: 'Work out how many patients a study needs to find a difference between two explainers',
  builder: cli =>
    cli
      .option('detect', {
        type: 'number',
        demandOption: true,
        requiresArg: true,
        describe: 'The difference that the study must find, in the metric’s units.',
      })
      .option('sd', {
        type: 'number',
        requiresArg: true,
        describe: 'How much the difference of two explainers varies between patients, as a standard deviation.',
      })
      .option('from', {
        type: 'string',
        requiresArg: true,
        describe: 'The run folder of a pilot study, from which the standard deviation is taken.',
      })
      .option('metric', {
        type: 'string',
        requiresArg: true,
        describe: 'The metric of the pilot study. Default: its primary metric.',
      })
      .option('explainers', {
        type: 'number',
        requiresArg: true,
        describe: 'How many explainers the study compares. Default: as many as the pilot, or 4.',
      })
      .option('power', { type: 'number', default: 0.8, describe: 'The probability of finding the difference.' })
      .option('alpha', { type: 'number', default: 0.05, describe: 'The probability of any false difference.' })
      .conflicts('sd', 'from')
      .check(({ sd, from, power, alpha, explainers }) => {
        const wrong = (what: string) => new CtXaiError('USAGE', what);
        if (sd === undefined && from === undefined) {
          throw new CtXaiError('USAGE', 'the spread between patients is not known: give --from or --sd.', {
            hint: 'A run of a dozen patients tells it: ct-xai plan --detect 0.05 --from reports/pilot.',
          });
        }
        if (!(power > 0 && power < 1)) throw wrong(`--power must be between 0 and 1, not ${power}.`);
        if (!(alpha > 0 && alpha < 1)) throw wrong(`--alpha must be between 0 and 1, not ${alpha}.`);
        if (explainers !== undefined && !(Number.isInteger(explainers) && explainers >= 2)) {
          throw wrong(`--explainers must be a whole number of at least 2, not ${explainers}.`);
        }
        return true;
      })
      .example('$0 plan --detect 0.05 --from reports/pilot', 'with the spread that a pilot run had')
      .example('$0 plan --detect 0.05 --sd 0.12 --explainers 6', ''),
  async handler(argv) {
    const { planStudy } = await import('./plan-study.ts');
    return planStudy(argv);
  },
});
