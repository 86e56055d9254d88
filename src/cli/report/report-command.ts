import { defineCommand } from '../shared/command.ts';

export const reportCommand = defineCommand({
  command: 'report <dir>',
  describe: 'write tables and reports of a run folder again; needs neither model nor images',
  builder: cli =>
    cli
      .positional('dir', { type: 'string', demandOption: true, describe: 'run folder' })
      .option('gallery', { type: 'number', describe: "images in the gallery; default: the suite's" })
      .option('curves-csv', { type: 'boolean', default: false, describe: 'write curves.csv too' })
      .example('$0 report reports/covid-ct', ''),
  async handler(argv) {
    const { reportRun } = await import('./report-run.ts');
    return reportRun(argv);
  },
});
