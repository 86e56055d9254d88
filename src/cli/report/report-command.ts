import { defineCommand } from '../shared/command.ts';

export const reportCommand = defineCommand({
  command: 'report <dir>',
  describe: 'Write the tables and reports of a run folder again; this needs neither the models nor the images',
  builder: cli =>
    cli
      .positional('dir', { type: 'string', demandOption: true, describe: 'The run folder.' })
      .option('gallery', {
        type: 'number',
        describe: 'How many images the gallery shows. Default: what the suite says.',
      })
      .option('curves-csv', { type: 'boolean', default: false, describe: 'Also writes the curves as curves.csv.' })
      .option('pictures', {
        type: 'boolean',
        default: true,
        describe: 'Images and maps in the page; --no-pictures writes one without them, to be passed on.',
      })
      .option('figures', {
        type: 'boolean',
        default: false,
        describe: 'Also writes the drawings into figures/, as SVG and as PNG of a journal column’s width at 600 dpi.',
      })
      .example('$0 report reports/covid-ct', '')
      .example('$0 report reports/covid-ct --figures', 'and the drawings for a paper'),
  async handler(argv) {
    const { reportRun } = await import('./report-run.ts');
    return reportRun(argv);
  },
});
