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
      .option('parquet', {
        type: 'boolean',
        default: false,
        describe: 'Also writes all tables as Parquet, with typed columns.',
      })
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
      .option('reading-set', {
        type: 'string',
        describe:
          'Writes a folder of blinded pictures for readers, controls among them, with a ratings.csv to fill in; no report.',
      })
      .option('reading-images', {
        type: 'number',
        default: 12,
        describe: 'Images of each model in the reading set.',
      })
      .option('ratings', {
        type: 'string',
        array: true,
        describe:
          'Filled-in tables, one of each reader; they become a metric of plausibility, now and in later reports.',
      })
      .example('$0 report reports/covid-ct', '')
      .example('$0 report reports/covid-ct --figures', 'and the drawings for a paper')
      .example('$0 report reports/covid-ct --parquet', 'and scores.parquet and the like, for pandas, R and DuckDB')
      .example('$0 report reports/covid-ct --reading-set reading', 'pictures to be rated, and what to rate')
      .example('$0 report reports/covid-ct --ratings ratings-ab.csv ratings-cd.csv', 'what two readers found'),
  async handler(argv) {
    const { reportRun } = await import('./report-run.ts');
    return reportRun(argv);
  },
});
