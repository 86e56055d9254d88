import { CtXaiError } from '../../core/errors.ts';
import { patientsToDetect } from '../../core/statistics/detect.ts';
import { quantile } from '../../core/statistics/quantile.ts';
import { analyse, loadRun } from '../../reports/index.ts';
import { readRun } from '../../results/read-run.ts';
import { ExitCode, print, textTable } from '../shared/output.ts';

export interface PlanArguments {
  readonly detect: number;
  readonly sd?: number | undefined;
  readonly from?: string | undefined;
  readonly metric?: string | undefined;
  readonly explainers?: number | undefined;
  readonly power: number;
  readonly alpha: number;
}

/** What a pilot study says of the spread between patients. */
interface Spread {
  readonly name: string;
  readonly sd: number;
  /** Share of the patients that belong to the primary stratum; absent where it is not known. */
  readonly share?: number;
  readonly explainers?: number;
}

/** `ct-xai plan --detect D`: patients for a study. @throws CtXaiError USAGE where the pilot cannot tell. */
export async function planStudy(argv: PlanArguments): Promise<number> {
  const { detect, power, alpha } = argv;
  if (!(detect > 0)) throw new CtXaiError('USAGE', `--detect must be above 0, not ${detect}.`);
  if (argv.sd !== undefined && !(argv.sd > 0)) throw new CtXaiError('USAGE', `--sd must be above 0, not ${argv.sd}.`);
  const spreads: readonly Spread[] =
    argv.from === undefined ? [{ name: 'as given', sd: argv.sd! }] : await spreadsOf(argv.from, argv.metric);
  const rows = spreads.map(spread => {
    const explainers = argv.explainers ?? spread.explainers ?? 4;
    const pairs = (explainers * (explainers - 1)) / 2;
    const size = patientsToDetect(detect, spread.sd, { pairs, alpha, power });
    const all = spread.share === undefined ? '' : String(Math.ceil(size.patients / spread.share));
    const remark = size.exploratory ? 'ranks would be exploratory: 24 patients confirm' : '';
    return [spread.name, spread.sd.toFixed(4), String(explainers), String(size.patients), all, remark];
  });
  print(
    textTable([
      ['spread', 'SD between patients', 'explainers', 'positive patients', 'patients in all, as in the pilot', ''],
      ...rows,
    ]),
  );
  print(
    `\nTo find a difference of ${detect} with power ${power}, any false difference having a chance of ${alpha}. A figure for ` +
      'planning: put to a finished study’s own differences it is no power of that study.',
  );
  return ExitCode.ok;
}

/** For each model of the pilot, the median and the largest spread of the pairs of explainers. */
async function spreadsOf(dir: string, metric: string | undefined): Promise<readonly Spread[]> {
  const run = await readRun(dir);
  try {
    const { models } = analyse(await loadRun(run, 0));
    return models.flatMap(model => {
      const id = metric ?? model.primaryMetric;
      const entry = model.metrics.find(m => m.metric.id === id);
      if (!entry) {
        throw new CtXaiError('USAGE', `the run has no metric '${id ?? ''}'.`, {
          hint: `It has: ${model.metrics.map(m => m.metric.id).join(', ')}.`,
        });
      }
      const deviations = (entry.ranking?.pairs ?? []).map(pair => pair.sd).filter(sd => sd > 0);
      if (deviations.length === 0) {
        throw new CtXaiError('USAGE', `${model.model.id}: no two explainers differ by '${entry.metric.id}'.`, {
          hint: 'Two explainers with values for two patients of the primary stratum are needed.',
        });
      }
      const share = model.patients > 0 ? model.primary.patients / model.patients : 1;
      const explainers = entry.methods.filter(m => m.summary).length;
      const of = (what: string, sd: number): Spread => ({
        name: `${model.model.id}, ${entry.metric.id}: ${what} pair`,
        sd,
        share,
        explainers,
      });
      return [of('median', quantile(deviations, 0.5)), of('widest', Math.max(...deviations))];
    });
  } finally {
    await run.close();
  }
}
