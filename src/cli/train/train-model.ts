import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { builtinRegistry } from '../../builtin.ts';
import { readCard } from '../../config/card.ts';
import { fileDigest } from '../../config/model-digest.ts';
import { loadPlugins } from '../../config/plugins.ts';
import { packageVersion } from '../../config/version.ts';
import type { FurtherTraining, ModelCard, Unit } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import type { Confounder } from '../../data/phantom/confounder-names.ts';
import { createOnnxTrainer } from '../../engines/onnx/training/trainer.ts';
import { dropLeftovers, ioError } from '../../results/files.ts';
import { acquireLock } from '../../results/lock.ts';
import { type OpenedData, openData } from '../../training/data.ts';
import { type ImageSet, loadImages } from '../../training/images.ts';
import { crossings, SPLITS, type Split } from '../../training/splits.ts';
import { type Trained, train } from '../../training/train.ts';
import type { TrainEvent } from '../../training/training-events.ts';
import { AUGMENTATIONS, cardOf, differingSettings, planDigest, type TrainPlan } from '../../training/training-plan.ts';
import { figuresOf, writeTrained } from '../../training/write.ts';
import { interruptSignal } from '../shared/interrupts.ts';
import { keyValues } from '../shared/key-values.ts';
import { duration, ExitCode, note, print, textTable } from '../shared/output.ts';
import { trainFurther } from './further.ts';
import { dropTfjsForm, hasTfjsForm, writeTfjsForm } from './tfjs-form.ts';

export interface TrainArguments {
  readonly arch: string;
  readonly data: string;
  readonly out: string;
  readonly testData?: string | undefined;
  readonly use?: string | undefined;
  readonly dataOption: readonly string[];
  readonly plugin: readonly string[];
  readonly classes?: readonly string[] | undefined;
  readonly size: number;
  readonly window?: readonly number[] | undefined;
  readonly normalise: 'none' | 'min-max' | 'z-score';
  readonly rescale?: readonly number[] | undefined;
  readonly patientPattern?: string | undefined;
  readonly redraw: boolean;
  readonly patients: number;
  readonly valPatients: number;
  readonly testPatients: number;
  readonly slices: number;
  readonly confounder?: Confounder | undefined;
  readonly agreement?: number | undefined;
  readonly width: number;
  readonly epochs: number;
  readonly batch: number;
  readonly optimiser: 'adamw' | 'sgd';
  readonly rate?: number | undefined;
  readonly decay?: number | undefined;
  readonly smoothing: number;
  readonly augment: keyof typeof AUGMENTATIONS;
  readonly averaging: number;
  readonly from?: string | undefined;
  readonly classWeights: boolean;
  readonly patience: number;
  readonly smooth: number;
  readonly seed: string;
  readonly licence?: string | undefined;
  readonly further: readonly FurtherTraining[];
  readonly fresh: boolean;
}

/** `ct-xai train`. */
export async function trainModelCommand(argv: TrainArguments): Promise<number> {
  checkNumbers(argv);
  checkConfounder(argv);
  const dir = resolve(argv.out);
  const { registry } = await loadPlugins(argv.plugin, process.cwd(), builtinRegistry());
  const opened = await openData(requestOf(argv, registry));
  const start = argv.from === undefined ? undefined : await startOf(argv.from);
  const settings = {
    ...settingsOf(argv, opened),
    ...(start ? { start: { name: start.name, digest: start.digest } } : {}),
  };
  await mkdir(dir, { recursive: true }).catch(error => {
    throw ioError(error, `making ${dir}`);
  });
  const lock = await acquireLock(dir);
  const interrupts = interruptSignal();
  try {
    await dropLeftovers(dir);
    return await trainInto(dir, argv, { settings, start: start?.file }, opened, interrupts.signal);
  } catch (error) {
    // Images that are being read end with an error of their own.
    if (!interrupts.signal.aborted) throw error;
    throw new CtXaiError('INTERRUPTED', 'the training was interrupted; the same command goes on.');
  } finally {
    interrupts.release();
    await lock.release();
  }
}

async function trainInto(
  dir: string,
  argv: TrainArguments,
  { settings, start }: { settings: Omit<TrainPlan, 'splits'>; start: string | undefined },
  opened: OpenedData,
  signal: AbortSignal,
): Promise<number> {
  const tell = teller();
  const sets = await loadSplits(opened, cardOf(settings, join(dir, 'model.onnx')), signal, tell);
  const plan: TrainPlan = {
    ...settings,
    splits: { train: sets.train.digest, val: sets.val.digest, test: sets.test.digest },
  };
  const warnings = crossingWarnings(sets);
  const by = { version: packageVersion(), licence: argv.licence, warnings };
  const options = {
    ...{ dir, sets, signal, fresh: argv.fresh },
    createTrainer: createOnnxTrainer,
    onEvent: tell,
    now: () => performance.now() / 1000,
  };
  if (!argv.fresh && (await isFinished(dir, plan))) {
    note(`${argv.out} holds this training, finished; --fresh does it again`);
    if (!hasTfjsForm(dir)) await addTfjsForm(dir);
  } else {
    for (const message of warnings) tell({ kind: 'warning', message });
    const trained = await train(plan, { ...options, start });
    await dropTfjsForm(dir);
    const files = await writeTrained(dir, plan, trained, by);
    print(describe(trained, plan.classes));
    for (const file of files) print(relative(process.cwd(), file));
    await addTfjsForm(dir);
  }
  await trainFurther(plan, argv.further, { ...options, by });
  return ExitCode.ok;
}

/** The ONNX file that a model's folder or card is of. @throws CtXaiError CARD or MODEL */
async function startOf(path: string): Promise<{ file: string; name: string; digest: string }> {
  const { file, id, format } = await readCard(resolve(path));
  if (format === 'onnx') return { file, name: id, digest: await fileDigest(file) };
  throw new CtXaiError('MODEL', `--from ${path}: its weights are of ${format}; training starts from ONNX.`, {
    hint: 'Give the folder that `ct-xai train` wrote.',
  });
}

async function addTfjsForm(dir: string): Promise<void> {
  const { file, difference } = await writeTfjsForm(dir);
  const shown = difference.toExponential(1);
  print(`${relative(process.cwd(), file)}: the same weights for TF.js, logits within ${shown} of the largest`);
}

function checkNumbers(argv: TrainArguments): void {
  const refuse = (name: string, value: unknown, allowed: string) => {
    throw new CtXaiError('USAGE', `--${name} ${String(value)}: it must be ${allowed}.`);
  };
  for (const [name, value, least] of [
    ['size', argv.size, 32],
    ['patients', argv.patients, 2],
    ['val-patients', argv.valPatients, 2],
    ['test-patients', argv.testPatients, 2],
    ['slices', argv.slices, 1],
    ['epochs', argv.epochs, 1],
    ['batch', argv.batch, 4],
    ['patience', argv.patience, 1],
    ['smooth', argv.smooth, 1],
  ] as const) {
    if (!Number.isInteger(value) || value < least) refuse(name, value, `a whole number of at least ${least}`);
  }
  for (const [name, value, most] of [
    ['width', argv.width, 4],
    ['rate', argv.rate ?? 1e-3, 1],
  ] as const) {
    if (!(value > 0 && value <= most)) refuse(name, value, `above 0 and at most ${most}`);
  }
  for (const name of ['smoothing', 'decay', 'averaging'] as const) {
    const value = argv[name] ?? 0;
    if (!(value >= 0 && value < 1)) refuse(name, value, 'at least 0 and below 1');
  }
}

/** A confounder and its agreement come together, on the phantom, where both can be drawn. */
function checkConfounder({ confounder, agreement, data }: TrainArguments): void {
  if (confounder === undefined && agreement === undefined) return;
  if (confounder === undefined || agreement === undefined) {
    throw new CtXaiError('USAGE', '--confounder and --agreement are given together.', {
      hint: 'For example --confounder letter --agreement 0.9.',
    });
  }
  if (data !== 'phantom') {
    throw new CtXaiError('USAGE', `--confounder ${confounder}: confounders are drawn into the phantom alone.`, {
      hint: 'Use --data phantom, or leave --confounder out.',
    });
  }
  if (!(agreement >= 0.5 && agreement <= 1)) {
    throw new CtXaiError('USAGE', `--agreement ${agreement}: it must be from 0.5 (no relation to the label) to 1.`);
  }
}

function requestOf(argv: TrainArguments, { readers }: Registry): Parameters<typeof openData>[0] {
  const [slope, intercept] = argv.rescale ?? [];
  return {
    data: argv.data === 'phantom' ? argv.data : resolve(argv.data),
    readers,
    use: argv.use,
    options: keyValues(argv.dataOption, '--data-option'),
    testData: argv.testData === undefined ? undefined : resolve(argv.testData),
    seed: argv.seed,
    phantom: {
      ...{ train: argv.patients, val: argv.valPatients, test: argv.testPatients, slices: argv.slices },
      ...(argv.confounder === undefined ? {} : { confounder: { name: argv.confounder, agreement: argv.agreement! } }),
    },
    rescale: slope === undefined || intercept === undefined ? undefined : { slope, intercept },
    patientPattern: argv.patientPattern,
    redraw: argv.redraw,
  };
}

function settingsOf(argv: TrainArguments, opened: OpenedData): Omit<TrainPlan, 'splits'> {
  const sgd = argv.optimiser === 'sgd';
  return {
    architecture: argv.arch,
    width: argv.width,
    classes: classesOf(argv.classes, opened.labels),
    input: { size: [argv.size, argv.size], channels: 1 },
    intensity: intensityOf(opened.unit, argv),
    resize: { antialias: true, fit: 'stretch', round: false },
    epochs: argv.epochs,
    batch: argv.batch,
    optimiser: { name: argv.optimiser, decay: argv.decay ?? (sgd ? 5e-4 : 0.05), averaging: argv.averaging },
    rate: argv.rate ?? (sgd ? 0.05 : 0.003),
    warmUp: 1,
    smoothing: argv.smoothing,
    classWeights: argv.classWeights,
    augmentation: AUGMENTATIONS[argv.augment],
    patience: argv.patience,
    ...(argv.smooth === 1 ? {} : { smooth: argv.smooth }),
    seed: argv.seed,
    data: opened.description,
  };
}

/** Lungs and their lesions; soft tissue and bone end white. */
const LUNG_WINDOW: readonly [number, number] = [-1150, 350];

function intensityOf(
  unit: Unit,
  { window, normalise }: Pick<TrainArguments, 'window' | 'normalise'>,
): ModelCard['intensity'] {
  const [low, high] = window ?? (unit === 'HU' ? LUNG_WINDOW : [0, 255]);
  if (!(low! < high!)) throw new CtXaiError('USAGE', `--window ${low} ${high}: the window must ascend.`);
  return {
    unit,
    window: [low!, high!],
    air: unit === 'HU' ? -1000 : low!,
    steps: normalise === 'none' ? [] : [{ normalise }],
  };
}

function classesOf(given: readonly string[] | undefined, labels: readonly string[]): readonly string[] {
  const classes = given ?? labels;
  const unknown = given?.find(name => !labels.includes(name));
  if (unknown !== undefined) {
    throw new CtXaiError('LABEL', `--classes: no image has the label '${unknown}'; there are: ${labels.join(', ')}.`);
  }
  if (classes.length >= 2) return classes;
  throw new CtXaiError('LABEL', `the data has the label ${classes.join() || '(none)'} alone; two are needed.`);
}

async function loadSplits(
  { splits }: OpenedData,
  card: ModelCard,
  signal: AbortSignal,
  tell: (event: TrainEvent) => void,
): Promise<Record<Split, ImageSet>> {
  const sets: Partial<Record<Split, ImageSet>> = {};
  for (const split of SPLITS) {
    const { samples, digest } = splits[split];
    sets[split] = await loadImages(samples, {
      card,
      source: digest,
      signal,
      cacheDir: join(tmpdir(), 'ct-xai-training'),
      onProgress: (done, total) => tell({ kind: 'images', split, done, total }),
    });
  }
  return sets as Record<Split, ImageSet>;
}

/** Whether the folder holds this plan's finished model. @throws CtXaiError RUN_FOLDER if it holds another one. */
async function isFinished(dir: string, plan: TrainPlan): Promise<boolean> {
  const path = join(dir, 'training.json');
  if (!existsSync(path)) return false;
  const found = JSON.parse(await readFile(path, 'utf8')) as { digest: string; plan?: TrainPlan };
  if (found.digest === planDigest(plan)) return true;
  const differing = found.plan ? differingSettings(found.plan, plan) : [];
  const what = differing.length > 0 ? `: ${differing.join('; ')}` : '';
  throw new CtXaiError('RUN_FOLDER', `${dir} holds a model that was trained with other settings or data${what}.`, {
    hint: 'Give its settings to go on with it (--further), another --out, or --fresh to replace it.',
  });
}

function crossingWarnings(sets: Readonly<Record<Split, ImageSet>>): string[] {
  const all = [...crossings(sets)];
  if (all.length === 0) return [];
  const some = all.slice(0, 3).map(([patient, splits]) => `${patient} (${splits.join(', ')})`);
  const more = all.length > 3 ? ', …' : '';
  return [
    `${all.length} patients stand in more than one split: ${some.join(', ')}${more}; the figures are too good by that.`,
  ];
}

const PLAIN_MS = 10_000;

/** Tells what happens on stderr: epochs in full, what lies between now and then. */
function teller(): (event: TrainEvent) => void {
  let last = Number.NEGATIVE_INFINITY;
  const seldom = (text: () => string) => {
    if (performance.now() - last < PLAIN_MS) return;
    last = performance.now();
    note(text());
  };
  return event => {
    switch (event.kind) {
      case 'images':
        seldom(() => `${event.split}: ${event.done} of ${event.total} images read`);
        break;
      case 'start': {
        const { train, val, test } = event.images;
        note(`${event.parameters} parameters; ${train} images to train on, ${val} to validate, ${test} to test`);
        if (event.resumed !== undefined) note(`going on after epoch ${event.resumed} of at most ${event.epochs}`);
        break;
      }
      case 'step':
        seldom(() => `epoch ${event.epoch}, step ${event.step} of ${event.steps}: loss ${event.loss.toFixed(3)}`);
        break;
      case 'epoch': {
        const { epoch, loss, validationLoss, validationAuc } = event.record;
        const auc = validationAuc === null ? '–' : validationAuc.toFixed(3);
        const best = event.best ? ', the best so far' : '';
        note(`epoch ${epoch}: loss ${loss.toFixed(3)}, validation ${validationLoss.toFixed(3)}, AUC ${auc}${best}`);
        break;
      }
      case 'warning':
        note(`warning: ${event.message}`);
    }
  };
}

function describe({ test, seconds, best }: Trained, classes: readonly string[]): string {
  const { images, patients, ...figures } = figuresOf(test);
  const rows = Object.entries(figures).filter(([name]) => !/-(low|high)$/.test(name));
  const interval = (name: string) =>
    figures[`${name}-low`] === undefined ? '' : `${figures[`${name}-low`]} … ${figures[`${name}-high`]}`;
  return [
    `${images} test images of ${patients} patients (weights of epoch ${best}, ${duration(seconds)} of training)`,
    textTable([['', 'value', '95 % interval'], ...rows.map(([name, v]) => [name, v.toFixed(4), interval(name)])]),
    '',
    textTable([
      ['true \\ predicted', ...classes],
      ...test.confusion.map((row, c) => [classes[c]!, ...row.map(String)]),
    ]),
  ].join('\n');
}
