import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { builtinRegistry } from '../../builtin.ts';
import { readCard } from '../../config/card.ts';
import type { Plan, PlannedModel } from '../../config/plan.ts';
import { loadPlugins } from '../../config/plugins.ts';
import { loadPlan } from '../../config/resolve.ts';
import { samplesOf } from '../../config/samples.ts';
import type { FullClassifier, LayerInfo, Sample } from '../../core/contracts/index.ts';
import { CtXaiError, nearest } from '../../core/errors.ts';
import { writeNpy } from '../../core/npy.ts';
import type { Tensor } from '../../core/tensor.ts';
import { createIsolation, type Isolation } from '../../jobs/isolated/isolation.ts';
import { openModel, openSession } from '../../jobs/open-model.ts';
import { writeAtomic } from '../../results/files.ts';
import { createMemoryStore } from '../../results/memory-store.ts';
import { isPlain, type MapRow, type Row, type SampleRow, type ScoreRow } from '../../results/rows.ts';
import type { RunStore } from '../../results/run-store.ts';
import { describePlan } from '../../runners/environment.ts';
import { runModel } from '../../runners/run-model.ts';
import { parseDevice } from '../../runners/timing/devices.ts';
import { cacheFolder } from '../shared/cache.ts';
import { commandLine } from '../shared/command-line.ts';
import { interruptSignal, noteStray, surviveStrayErrors } from '../shared/interrupts.ts';
import { cardPath } from '../shared/named-parts.ts';
import { ExitCode, note, print, textTable } from '../shared/output.ts';
import { pluginLimits } from '../shared/plugin-limits.ts';
import { plainArguments } from '../shared/plugin-options.ts';
import { pluginWorkerUrl } from '../shared/plugin-worker-url.ts';
import { saveMap } from '../shared/save-map.ts';
import { drawExplanation } from './draw-explanation.ts';
import type { ExplainArguments } from './explain-arguments.ts';
import { oneSample, planOfImage } from './image-plan.ts';

/** `ct-xai explain`: one image of a suite, or one image file. The numbers are those of a run. */
export async function explainImage(argv: ExplainArguments): Promise<number> {
  if (argv.listLayers && (argv.suite !== undefined || argv.model === undefined)) {
    throw new CtXaiError('USAGE', "--list-layers needs --model, and no suite: it lists one model's layers.", {
      hint: 'For example: ct-xai explain --model model.yaml --list-layers',
    });
  }
  if (argv.suite !== undefined) return explainPlan(argv, await planOfSuite(argv, argv.suite));
  if (argv.model === undefined) {
    throw new CtXaiError('USAGE', 'there is nothing to explain.', {
      hint: "Give a suite and --sample ID, or --model with --image and --method; see 'ct-xai explain --help'.",
    });
  }
  return argv.listLayers ? listLayers(argv) : explainPlan(argv, await planOfImage(argv));
}

/** The suite's plan, cut down to one image, and to one explainer where one is named. */
async function planOfSuite({ sample: id, method }: ExplainArguments, suite: string): Promise<Plan> {
  if (id === undefined) {
    throw new CtXaiError('USAGE', '--sample is missing: which image of the suite is to be explained?', {
      hint: 'Ids of images stand in the first column of samples.csv of a run.',
    });
  }
  const plan = await loadPlan(suite, builtinRegistry(), { env: process.env });
  const ids: string[] = [];
  let found: Sample | undefined;
  for await (const sample of samplesOf(plan)) {
    ids.push(sample.id);
    if (sample.id === id) found = sample;
  }
  if (!found) {
    const near = nearest(id, ids);
    throw new CtXaiError('DATA', `--sample: the suite has no image '${id}'.`, {
      hint: near ? `Did you mean '${near}'?` : `The first is '${ids[0]}'.`,
    });
  }
  // Maps of other patients need a run: they say nothing of this image.
  const own = plan.explainers.filter(e => e.of === undefined);
  const explainers = method === undefined ? own : own.filter(e => e.id === method);
  if (explainers.length === 0) {
    throw new CtXaiError('USAGE', `--method: the suite has no explainer '${method}' that makes maps of its own.`, {
      hint: `There are: ${own.map(e => e.id).join(', ')}.`,
    });
  }
  const { limit: _, ...rest } = plan;
  const metrics = plan.metrics.filter(m => m.metric.scope === 'map');
  return { ...rest, explained: 'all', explainers, metrics, dataset: oneSample(plan.dataset, found) };
}

/** Runs the plan's jobs into memory, and shows what they ended as. */
async function explainPlan(argv: ExplainArguments, plan: Plan): Promise<number> {
  const interrupts = interruptSignal();
  const release = surviveStrayErrors();
  const { signal } = interrupts;
  const isolation = isolationOf(argv, plan);
  try {
    let code: number = ExitCode.ok;
    for (const model of plan.models) {
      const store = createMemoryStore(describePlan(plan, commandLine()));
      await runModel({
        plan,
        model,
        store,
        retryFailed: false,
        signal,
        isolation,
        open: variant =>
          openSession(
            earlier =>
              openModel(plan, model, {
                signal,
                variant,
                cacheDir: cacheFolder(),
                ...(earlier ? { earlier } : {}),
              }),
            message => note(message),
          ),
        began: async () => {},
        ended: () => {},
        goesOn: (_, variant) => variant.kind !== 'original',
      });
      code = Math.max(code, await show(argv, plan, model, store));
    }
    return code;
  } finally {
    await isolation.close();
    interrupts.release();
    release();
  }
}

/** Plug-ins run apart, as they do in a run; the thread makes the plan of the same suite, or of the same arguments. */
function isolationOf(argv: ExplainArguments, { file, limits, digest }: Plan): Isolation {
  const source =
    file === undefined
      ? ({ kind: 'explain', argv: plainArguments(argv), model: 0 } as const)
      : ({ kind: 'suite', file, overrides: {} } as const);
  return createIsolation({
    worker: pluginWorkerUrl(),
    source,
    limits: limits ?? pluginLimits(argv),
    digest,
    warn: noteStray,
  });
}

async function show(
  argv: ExplainArguments,
  plan: Plan,
  { id, card }: PlannedModel,
  store: RunStore & { rows(): Row[] },
): Promise<number> {
  const rows = store.rows();
  const image = rows.find((row): row is SampleRow => row.kind === 'sample')!;
  if (image.status !== 'ok') throw new CtXaiError('IMAGE', image.reason ?? 'the image failed.');
  const { view } = await store.arraysOf(image);
  const marked = (name: string) => (name === image.target ? `▸ ${name}` : `  ${name}`);
  print(`${id}: ${image.source}`);
  const scoreText = (c: number, digits: number) =>
    image.values
      ? `${Number(image.values[c]!.toPrecision(5))}${card.measure === undefined ? '' : ` ${card.measure}`}`
      : image.probabilities![c]!.toFixed(digits);
  print(textTable(card.classes.map((name, c) => [marked(name), scoreText(c, 4)])));
  if (card.task === 'multi-label' && plan.target.kind === 'predicted') {
    note(`${image.target} is explained because it is the most probable finding; name another by --target.`);
  }
  const maps = rows.filter((row): row is MapRow => row.kind === 'map' && isPlain(row));
  let code: number = ExitCode.ok;
  const unsaved = new Set<string>();
  for (const row of maps) {
    const scores = rows.filter((s): s is ScoreRow => s.kind === 'score' && s.method === row.method);
    const values = scores.map(s => [s.metric, valueText(s)] as const);
    const { map, standardErrors: known } = await store.arraysOf(row);
    if (row.status !== 'ok' || !map) {
      note(`${row.method} ${row.status === 'failed' ? 'failed' : `is ${row.status} here`}: ${row.reason}`);
      code = ExitCode.rowsFailed;
      continue;
    }
    if (maps.length > 1) print(`\n${row.method}`);
    for (const [name, value] of Object.entries({ ...row.notes, ...row.diagnostics })) print(`${name}: ${value}`);
    for (const [name, value] of values) print(`${name}: ${value}`);
    const title = [
      `${row.method} of ${id}`,
      image.sample,
      card.classes.map((name, c) => `${name === image.target ? '▸ ' : ''}${name} ${scoreText(c, 3)}`).join(' · '),
      ...(values.length > 0 ? [values.map(([name, value]) => `${name} ${value}`).join(' · ')] : []),
    ];
    if (argv.standardErrors && !known) note(`${row.method} gives no standard errors here.`);
    const errors = argv.standardErrors ? known : undefined;
    const several = maps.length > 1;
    for (const file of await writeFiles(argv, { row, map, errors, view: view!, title, several })) print(file);
    const sample = argv.save.length > 0 ? await sampleNamed(plan, row.sample) : undefined;
    if (!sample) continue;
    const place = {
      sample,
      card,
      formats: argv.save,
      folder: argv.saveTo,
      name: `${row.sample}.${id}.${row.method}`,
      title: `${row.method} of ${image.target ?? id}`,
    };
    const beside = { name: `${place.name}.se`, title: `standard errors of ${place.title}` };
    const saved = [await saveMap(map, place), ...(errors ? [await saveMap(errors, { ...place, ...beside })] : [])];
    for (const file of saved.flatMap(({ files }) => files)) print(file);
    for (const { format, reason } of saved[0]!.refused) unsaved.add(`${row.sample}: not saved as ${format}: ${reason}`);
  }
  for (const reason of unsaved) note(reason);
  return unsaved.size > 0 ? ExitCode.rowsFailed : code;
}

async function sampleNamed({ dataset }: Plan, id: string): Promise<Sample | undefined> {
  for await (const sample of dataset.samples()) if (sample.id === id) return sample;
  return undefined;
}

function valueText({ value, status, reason }: ScoreRow): string {
  return value === undefined ? `${status} (${reason})` : value.toFixed(4);
}

/** With several explainers `--out` and `--npy` are folders. */
async function writeFiles(
  { out, npy }: ExplainArguments,
  at: {
    readonly row: MapRow;
    readonly map: Tensor;
    readonly errors: Tensor | undefined;
    readonly view: Tensor;
    readonly title: readonly string[];
    readonly several: boolean;
  },
): Promise<string[]> {
  const { row, map, errors, view, title, several } = at;
  const place = async (given: string, ending: string) => {
    if (!several) return given;
    await mkdir(given, { recursive: true });
    return join(given, `${row.model}.${row.method}.${ending}`);
  };
  const files: string[] = [];
  if (out !== undefined) {
    const file = await place(out, 'png');
    await writeAtomic(file, await drawExplanation({ view, map, title }));
    files.push(file);
  }
  if (npy !== undefined) {
    const file = await place(npy, 'npy');
    await writeAtomic(file, writeNpy({ shape: map.shape, data: map.data }));
    files.push(file);
    if (errors) {
      const beside = `${file.replace(/\.npy$/, '')}.se.npy`;
      await writeAtomic(beside, writeNpy(errors));
      files.push(beside);
    }
  }
  return files;
}

async function listLayers(argv: ExplainArguments): Promise<number> {
  const { registry } = await loadPlugins(argv.plugin, process.cwd(), builtinRegistry());
  const card = await readCard(cardPath(argv.model!));
  const interrupts = interruptSignal();
  const plan = { engine: parseDevice(argv.device, 'auto'), registry };
  const model: PlannedModel = { id: card.id, card, digest: '', classOf: new Map() };
  const classifier = await openModel(plan, model, { signal: interrupts.signal, cacheDir: cacheFolder() });
  try {
    return await printLayers(classifier);
  } finally {
    await classifier.close();
    interrupts.release();
  }
}

function remarkOf({ cam, rank, spatial }: LayerInfo): string {
  if (cam) return 'CAM';
  if (rank !== undefined) return `CAM ${rank}`;
  return spatial ? '' : 'no pixels';
}

async function printLayers(model: FullClassifier): Promise<number> {
  if (!model.capabilities.has('layers') && !model.capabilities.has('activations')) {
    note(model.runtime.limitations?.layers ?? 'this model has no layers that can be read.');
    return ExitCode.rowsFailed;
  }
  const layers = await model.layers();
  print(
    textTable([
      ['layer', 'operator', 'depth', 'shape', ''],
      ...layers.map(l => [l.name, l.operator, (l.depth ?? 0).toFixed(2), l.shape.join('×'), remarkOf(l)]),
    ]),
  );
  const ranked = layers.filter(l => l.rank !== undefined).sort((a, b) => a.rank! - b.rank!);
  if (ranked.length > 0) {
    print('\nFor class activation maps, the best first:');
    for (const { name, share } of ranked) {
      const how = share === undefined ? '' : `: its pixels alone move the scores by ${Math.round(100 * share)} %`;
      print(`${name}${how}`);
    }
  } else if (model.runtime.noCamLayer) {
    print(`\nNo layer for class activation maps: ${model.runtime.noCamLayer}`);
  }
  return ExitCode.ok;
}
