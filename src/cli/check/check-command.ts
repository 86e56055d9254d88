import { defineCommand } from '../shared/command.ts';
import { suiteOptions } from '../shared/suite-options.ts';

export const checkCommand = defineCommand({
  command: 'check <suite>',
  describe: 'the resolved plan: models, images, methods, metrics, passes and seconds it will cost',
  builder: cli =>
    suiteOptions(cli)
      .option('json', { type: 'boolean', default: false, describe: 'as JSON' })
      .option('measure', { type: 'boolean', default: true, describe: '--no-measure runs no model' })
      .example('$0 check configs/covid-ct.yaml', ''),
  async handler(argv) {
    const { checkSuiteCommand } = await import('./check-suite.ts');
    return checkSuiteCommand(argv);
  },
});
