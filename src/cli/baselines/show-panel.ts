import { builtinRegistry } from '../../builtin.ts';
import type { Plan } from '../../config/plan.ts';
import { loadPlan } from '../../config/resolve.ts';
import { CtXaiError } from '../../core/errors.ts';
import { lookUp } from '../../core/registry.ts';
import type { Summary } from '../../core/statistics/summary.ts';
import { createLocalServices } from '../../jobs/local-services.ts';
import { openModel, openSession } from '../../jobs/open-model.ts';
import { modelRef } from '../../jobs/plan-jobs.ts';
import { csvText } from '../../results/csv.ts';
import { writeAtomic } from '../../results/files.ts';
import { measurePanel, NEIGHBOURS, type PanelRow, SHARES } from '../../runners/panel/measure-panel.ts';
import { cacheFolder } from '../shared/cache.ts';
import { interruptSignal } from '../shared/interrupts.ts';
import { ExitCode, note, print, textTable } from '../shared/output.ts';
import { overridesOf } from '../shared/suite-options.ts';

export interface PanelArguments {
  readonly suite: string;
  readonly baselines?: readonly string[] | undefined;
  readonly bank: number;
  readonly limit?: number | undefined;
  readonly seed?: string | undefined;
  readonly device?: string | undefined;
  readonly data?: string | undefined;
  readonly out?: string | undefined;
  readonly json: boolean;
}

/** `ct-xai baselines`. @returns 1 where no baseline could be measured */
export async function showPanel(argv: PanelArguments): Promise<number> {
  const { out, ...rest } = argv;
  if (!Number.isInteger(argv.bank) || argv.bank < NEIGHBOURS) {
    throw new CtXaiError('USAGE', `--bank must be a whole number of at least ${NEIGHBOURS}, not ${argv.bank}.`);
  }
  const given = await loadPlan(argv.suite, builtinRegistry(), { env: process.env, overrides: overridesOf(rest) });
  const { baselines: known } = given.registry;
  const names = argv.baselines ?? [...known.keys()];
  const plan = { ...given, baselines: new Map(names.map(n => [n, lookUp(known, 'baseline', n, '--baselines')])) };
  if (!plan.background) {
    note("the suite names no training images ('background'), so how strange the images are cannot be measured");
  }
  const rows = await measured(plan, names, argv.bank);
  if (out !== undefined) await writeAtomic(out, csvText([HEAD, ...rows.map(csvLine)], { formulas: 'neutralised' }));
  if (argv.json) print(JSON.stringify(rows, null, 2));
  else print(textOf(plan, rows));
  return rows.some(row => row.reason === undefined) ? ExitCode.ok : ExitCode.rowsFailed;
}

async function measured(plan: Plan, baselines: readonly string[], bank: number): Promise<PanelRow[]> {
  const interrupts = interruptSignal();
  const { signal } = interrupts;
  const rows: PanelRow[] = [];
  try {
    for (const model of plan.models) {
      const ref = modelRef(model);
      const session = await openSession(
        earlier => openModel(plan, model, { signal, cacheDir: cacheFolder(), ...(earlier ? { earlier } : {}) }),
        message => note(message),
      );
      const services = createLocalServices({ plan, signal });
      services.use(ref, work => session.run(work));
      try {
        rows.push(
          ...(await measurePanel({ plan, model, ref, services, baselines, bank, onUnreadable: leftOut, signal })),
        );
      } finally {
        await services.close();
        await session.close();
      }
    }
  } finally {
    interrupts.release();
  }
  return rows;
}

function leftOut(sample: string, reason: string): void {
  note(`left out: ${sample}: ${reason}`);
}

const HEAD = [
  ...['model', 'baseline', 'reason'],
  ...['removal', 'removal_low', 'removal_high', 'removal_patients'],
  ...['fall', 'fall_low', 'fall_high', 'fall_patients'],
  ...SHARES.map(share => `auroc_${percent(share)}`),
];

function csvLine({ model, baseline, reason, removal, fall, shift }: PanelRow) {
  const cells = (s: Summary | undefined) => [s?.mean, s?.low, s?.high, s?.patients];
  return [model, baseline, reason, ...cells(removal), ...cells(fall), ...SHARES.map((_, n) => shift?.[n])];
}

const ABOUT = [
  'Lesion removed: the fall of the log-odds where the baseline stands in for the lesion, as a share of the fall where the',
  'lesion was never there. 1 is right; 0 means that nothing was removed; more than 1 or less than 0 means that something',
  'else was put in. Fall: of the log-odds where the whole image is removed.',
  `Strange: the chance that an image with so much removed lies farther from the training images (${NEIGHBOURS}th nearest,`,
  'features of each stage of the network) than an image as it is, at the worst stage. 0.5 is not strange, 1 is always.',
];

function textOf(plan: Plan, rows: readonly PanelRow[]): string {
  const strange = rows.some(row => row.shift);
  const head = ['baseline', 'lesion removed', 'fall', ...(strange ? SHARES.map(s => `strange ${percent(s)} %`) : [])];
  return plan.models
    .map(({ id }) => {
      const own = rows.filter(row => row.model === id);
      const told = own.filter(row => row.reason === undefined);
      const left = own.filter(row => row.reason !== undefined);
      return [
        `${id}, images of the positive class`,
        textTable([head, ...told.map(row => lineOf(row, strange))]),
        ...left.map(row => `not measured: ${row.baseline}: ${row.reason}`),
      ].join('\n');
    })
    .concat(ABOUT.join('\n'))
    .join('\n\n');
}

function lineOf({ baseline, removal, fall, shift }: PanelRow, strange: boolean): string[] {
  const shares = strange ? SHARES.map((_, n) => shift?.[n]?.toFixed(2) ?? '') : [];
  return [baseline, meanText(removal), meanText(fall), ...shares];
}

function meanText(summary: Summary | undefined): string {
  if (!summary) return '';
  const { mean, low, high, patients } = summary;
  return `${mean.toFixed(2)} (${low === null || high === null ? '' : `${low.toFixed(2)} to ${high.toFixed(2)}, `}n ${patients})`;
}

function percent(share: number): number {
  return Math.round(100 * share);
}
