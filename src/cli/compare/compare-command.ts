import { CtXaiError } from '../../core/errors.ts';
import { defineCommand } from '../shared/command.ts';

export const compareCommand = defineCommand({
  command: 'compare <dirs..>',
  describe: 'what runs changed beyond noise against the first, in scores and in time',
  builder: cli =>
    cli
      .positional('dirs', {
        type: 'string',
        array: true,
        demandOption: true,
        describe: 'run folders, the earlier first',
      })
      .option('fail-on-regression', {
        type: 'boolean',
        default: false,
        describe: 'exit code 1 if anything became worse or slower',
      })
      .option('json', { type: 'boolean', default: false, describe: 'as JSON' })
      .check(({ dirs }) => {
        if (dirs.length > 1) return true;
        throw new CtXaiError('USAGE', 'compare needs two run folders or more.', {
          hint: 'Name the earlier one first: ct-xai compare reports/before reports/after.',
        });
      })
      .example('$0 compare reports/before reports/after --fail-on-regression', 'for continuous integration'),
  async handler(argv) {
    const { compareFolders } = await import('./compare-folders.ts');
    return compareFolders(argv);
  },
});
