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
    const [{ readRun }, { writeTables }, { writeCurves }, { writeReports }, { print, ExitCode }] = await Promise.all([
      import('../../results/read-run.ts'),
      import('../../results/tables.ts'),
      import('../../results/curves.ts'),
      import('../shared/write-reports.ts'),
      import('../shared/output.ts'),
    ]);
    const run = await readRun(argv.dir);
    try {
      await writeTables(run, { curvesCsv: argv.curvesCsv });
      await writeCurves(run);
      const { files } = await writeReports(run, argv.gallery ?? galleryOf(run.manifest.suite));
      for (const file of files) print(file);
      if (run.manifest.state !== 'complete') print('the run is not complete: the reports show what is there');
    } finally {
      await run.close();
    }
    return ExitCode.ok;
  },
});

function galleryOf(suite: unknown): number {
  const { output } = (suite ?? {}) as { output?: { gallery?: number } };
  return output?.gallery ?? 12;
}
