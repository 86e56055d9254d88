import { defineCommand } from '../shared/command.ts';
import { suiteOptions } from '../shared/suite-options.ts';

export const checkCommand = defineCommand({
  command: 'check <suite>',
  describe: 'Show what a run of a suite will do: models, images, explainers, metrics, and what they cost',
  builder: cli =>
    suiteOptions(cli)
      .option('json', { type: 'boolean', default: false, describe: 'Prints JSON.' })
      .option('measure', {
        type: 'boolean',
        default: true,
        describe: 'Measures how long a pass takes; --no-measure runs no model.',
      })
      .example('$0 check configs/covid-ct.yaml', ''),
  async handler(argv) {
    const { checkSuiteCommand } = await import('./check-suite.ts');
    return checkSuiteCommand(argv);
  },
});
