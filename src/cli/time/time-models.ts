import { join } from 'node:path';
import type { PlannedModel } from '../../config/plan.ts';
import { packageVersion } from '../../config/version.ts';
import { CtXaiError } from '../../core/errors.ts';
import { createIsolation, type Isolation } from '../../jobs/isolated/isolation.ts';
import {
  changeCells,
  compareTimings,
  middleHalf,
  placeText,
  ratioText,
  renderTimingPage,
  type TimingChange,
  timingRemarks,
} from '../../reports/index.ts';
import { writeAtomic } from '../../results/files.ts';
import type { TimingRow } from '../../results/rows.ts';
import { writeTimings } from '../../results/tables.ts';
import { incomparable, readTimingsFile, TIMINGS_VERSION, type TimingsFile } from '../../results/timings-file.ts';
import { hardware } from '../../runners/environment.ts';
import { createOpener, timedDevices } from '../../runners/timing/devices.ts';
import type { TimingPlan } from '../../runners/timing/images.ts';
import { timeModel } from '../../runners/timing/time-model.ts';
import { cacheFolder } from '../shared/cache.ts';
import { commandLine } from '../shared/command-line.ts';
import { interruptSignal, noteStray, surviveStrayErrors } from '../shared/interrupts.ts';
import { ExitCode, note, print, shownPath, textTable } from '../shared/output.ts';
import { pluginLimits } from '../shared/plugin-limits.ts';
import { plainArguments } from '../shared/plugin-options.ts';
import { pluginWorkerUrl } from '../shared/plugin-worker-url.ts';
import { createProgressLine } from '../shared/progress-line.ts';
import type { TimeArguments } from './time-arguments.ts';
import { planToTime } from './time-plan.ts';

/** `ct-xai time`. @returns 1 where a timing failed or became slower than the baseline. */
export async function timeModels(argv: TimeArguments): Promise<number> {
  const timed = await planToTime(argv);
  const { plan, models } = timed;
  const empty = await describe(plan, models);
  const baseline = argv.compare === undefined ? undefined : await baselineAt(argv.compare, empty);
  const interrupts = interruptSignal();
  const release = surviveStrayErrors();
  const line = createProgressLine(process.stderr);
  const rows: TimingRow[] = [];
  let isolation: Isolation | undefined;
  try {
    for (const [place, model] of models.entries()) {
      const { digest, ...own } = timed.of(place);
      const source = { kind: 'time', argv: plainArguments(argv), model: place } as const;
      isolation = createIsolation({
        worker: pluginWorkerUrl(),
        source,
        limits: pluginLimits(argv),
        digest,
        warn: noteStray,
      });
      for (const device of timedDevices(plan)) {
        const { signal } = interrupts;
        await timeModel({
          plan: own,
          model,
          isolation,
          device,
          opener: createOpener(plan, model, device.engine, { signal, cacheDir: cacheFolder() }),
          done: new Set(),
          signal,
          began: () => note(`${model.id}${device.asked === undefined ? '' : ` on ${device.asked}`}`),
          ended: async row => void rows.push(row),
          progress: (done, total) => line.on({ kind: 'timing', model: model.id, done, total }),
        });
      }
      await isolation.close();
    }
  } finally {
    await isolation?.close();
    line.end();
    interrupts.release();
    release();
  }
  const file: TimingsFile = { ...empty, rows: inPlanOrder(rows, empty) };
  const changes = baseline ? compareTimings(baseline, file) : [];
  print(file.models.map(({ id }) => modelTable(file, id)).join('\n\n'));
  if (rows.some(row => row.unstable)) print('~ unstable, for the reasons below');
  for (const remark of timingRemarks(file.rows)) note(`  ${remark}`);
  if (changes.length > 0) print(`\n${changesTable(changes)}`);
  if (argv.out !== undefined) await write(argv.out, file, changes);
  const bad = rows.some(row => row.status === 'failed') || changes.some(change => change.verdict === 'slower');
  return bad ? ExitCode.rowsFailed : ExitCode.ok;
}

async function describe(plan: TimingPlan, models: readonly PlannedModel[]): Promise<TimingsFile> {
  const { samples, repeats, seconds } = plan.timing;
  return {
    kind: 'ct-xai-bench timings',
    formatVersion: TIMINGS_VERSION,
    command: commandLine(),
    startedAt: new Date().toISOString(),
    versions: { 'ct-xai-bench': packageVersion(), node: process.version },
    hardware: hardware(),
    seed: String(plan.seed),
    data: { name: plan.dataset.name, digest: plan.dataset.digest },
    settings: { samples, repeats, seconds },
    models: models.map(({ id, digest }) => ({ id, digest })),
    methods: plan.explainers.map(({ id, explainer, options }) => ({ id, name: explainer.name, options })),
    rows: [],
  };
}

/** @throws CtXaiError USAGE if times of the baseline say nothing of times here. */
async function baselineAt(path: string, now: TimingsFile): Promise<TimingsFile> {
  const baseline = await readTimingsFile(path);
  const why = incomparable(baseline, now);
  if (why === undefined) return baseline;
  throw new CtXaiError('USAGE', `--compare ${path}: ${why}.`, {
    hint: 'Times compare on the same machine, images and seed only. Make a baseline here: --out DIR.',
  });
}

/** By model, then method, then device as asked for. */
function inPlanOrder(rows: readonly TimingRow[], { models, methods }: TimingsFile): TimingRow[] {
  return models.flatMap(({ id: model }) =>
    methods.flatMap(({ id }) => rows.filter(row => row.model === model && row.method === id)),
  );
}

function modelTable(file: TimingsFile, model: string): string {
  const rows = file.rows.filter(row => row.model === model);
  const places = [...new Set(rows.map(placeText))];
  if (places.length === 1) return `${model}, ${places[0]}; ms\n${textTable([ONE, ...rows.map(oneLine)])}`;
  const head = ['', ...places, ...places.slice(1).map(place => `${place} / ${places[0]}`)];
  const lines = [...new Set(rows.map(row => row.method))].map(method => [
    method,
    ...places.map(place => medianText(rows.find(row => row.method === method && placeText(row) === place))),
    ...places.slice(1).map(place => ratioText(rows, method, [places[0]!, place], file.seed)),
  ]);
  const failures = rows.filter(row => row.status !== 'ok');
  const reasons = [...new Set(failures.map(row => `  ${row.status} on ${placeText(row)}: ${row.reason ?? ''}`))];
  return [
    `${model}; median ms, and ratios with 95 % intervals over repeats`,
    textTable([head, ...lines]),
    ...reasons,
  ].join('\n');
}

const ONE = ['', 'median', 'middle half', 'n', 'device', 'CPU', 'JavaScript', 'first', 'open', 'forward', 'backward'];

function oneLine(row: TimingRow): string[] {
  if (row.status !== 'ok') return [row.method, row.status, row.reason ?? ''];
  return [
    row.method,
    medianText(row),
    middleHalf(row),
    String(row.samples),
    short(row.deviceMs?.p50),
    short(row.cpuMs),
    short(row.jsMs),
    short(row.firstMs),
    short(row.openMs),
    short(row.passes?.forward),
    short(row.passes?.backward),
  ];
}

function medianText(row: TimingRow | undefined): string {
  if (!row) return '–';
  return row.status === 'ok' ? `${short(row.wallMs?.p50)}${row.unstable ? ' ~' : ''}` : row.status;
}

function short(value: number | undefined): string {
  if (value === undefined) return '–';
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toPrecision(3);
}

function changesTable(changes: readonly TimingChange[]): string {
  const head = ['', '', '', 'then', 'now', 'ratio', ''];
  return `against the baseline\n${textTable([head, ...changes.map(changeCells)])}`;
}

async function write(dir: string, file: TimingsFile, changes: readonly TimingChange[]): Promise<void> {
  await writeTimings(join(dir, 'timings.csv'), file.rows);
  await writeAtomic(join(dir, 'timings.json'), `${JSON.stringify(file, null, 1)}\n`);
  await writeAtomic(join(dir, 'index.html'), renderTimingPage(file, changes));
  print(`\npage: ${shownPath(join(dir, 'index.html'))}`);
}
