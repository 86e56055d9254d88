import { defineCommand } from '../shared/command.ts';
import { suiteOptions } from '../shared/suite-options.ts';

export const baselinesCommand = defineCommand({
  command: 'baselines <suite>',
  describe:
    'Measure what each baseline does to a suite’s models: what it removes, and how strange its images are to them',
  builder: cli =>
    suiteOptions(cli)
      .option('baselines', {
        type: 'string',
        array: true,
        requiresArg: true,
        describe: "Baselines; see 'list baselines'. Default: all.",
      })
      .option('bank', {
        type: 'number',
        default: 100,
        requiresArg: true,
        describe: 'Training images that distances are taken to, at most. They are the suite’s background.',
      })
      .option('out', { type: 'string', requiresArg: true, describe: 'Writes the table as a CSV file too.' })
      .option('json', { type: 'boolean', default: false, describe: 'Prints JSON.' })
      .example('$0 baselines configs/explainers-all.yaml --limit 20', ''),
  async handler(argv) {
    const { showPanel } = await import('./show-panel.ts');
    return showPanel(argv);
  },
});
