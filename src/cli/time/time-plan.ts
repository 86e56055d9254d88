import { existsSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { builtinRegistry } from '../../builtin.ts';
import { readCard } from '../../config/card.ts';
import { modelDigest } from '../../config/model-digest.ts';
import type { PlannedModel } from '../../config/plan.ts';
import { loadPlugins } from '../../config/plugins.ts';
import { resolveExplainers } from '../../config/resolve-parts.ts';
import { baselinesOf } from '../../config/resolve-settings.ts';
import { parseSuite } from '../../config/suite.ts';
import type { Dataset, ModelCard, Source } from '../../core/contracts/index.ts';
import { jsonDigest } from '../../core/digest.ts';
import { CtXaiError } from '../../core/errors.ts';
import type { Registry } from '../../core/registry.ts';
import { openPath, readerNamed } from '../../data/open-path.ts';
import type { TimingPlan } from '../../runners/timing/images.ts';
import type { TimeArguments } from './time-arguments.ts';

/** What is timed, by the model's place among those named. */
export interface TimedModels {
  readonly plan: TimingPlan;
  readonly models: readonly PlannedModel[];
  /** The plan of one model: its images are in the model's unit. */
  of(place: number): TimingPlan & { readonly models: readonly PlannedModel[]; readonly digest: string };
}

/** What `ct-xai time` times. @throws CtXaiError for what can't be read, and names that don't exist. */
export async function planToTime(argv: TimeArguments): Promise<TimedModels> {
  const plan = await planOf(argv);
  const models = await readModels(argv.models);
  return {
    plan,
    models,
    of(place) {
      const model = models[place]!;
      const dataset = asUnit(plan.dataset, model.card);
      return { ...plan, dataset, models: [model], digest: jsonDigest([model.digest, dataset.digest]) };
    },
  };
}

async function planOf(argv: TimeArguments): Promise<TimingPlan> {
  const { registry } = await loadPlugins(argv.plugin, process.cwd(), builtinRegistry());
  const all = [...registry.explainers.values()].filter(e => e.role === 'method').map(e => e.name);
  const { suite } = parseSuite(
    {
      name: 'time',
      models: argv.models,
      data: { use: 'phantom' },
      explainers: argv.methods ?? all,
      controls: [],
      metrics: [],
      seed: /^-?\d+$/.test(argv.seed) ? Number(argv.seed) : argv.seed,
      timing: {
        samples: argv.samples,
        repeats: argv.repeats,
        seconds: argv.seconds,
        ...(argv.devices ? { devices: argv.devices } : {}),
      },
    },
    '.',
  );
  const explainers = resolveExplainers(suite, registry, () => 'the command line');
  const { samples, repeats, seconds, devices } = suite.timing as Exclude<typeof suite.timing, boolean>;
  return {
    seed: suite.seed,
    dataset: await openData(argv, registry),
    explainers,
    metrics: [],
    baselines: baselinesOf(explainers, registry),
    target: { kind: 'predicted' },
    timing: { enabled: true, samples, repeats, seconds, most: 'auto', budgets: [], ...(devices ? { devices } : {}) },
    engine: { use: 'auto', device: 'auto' },
    registry,
  };
}

async function openData({ data, samples }: TimeArguments, { readers }: Registry): Promise<Dataset> {
  if (data !== 'phantom') return (await openPath(data, readers)).dataset;
  const reader = readerNamed(data, readers);
  return reader.open(reader.options.parse({ patients: samples, slices: 1 }), { base: process.cwd() });
}

/** Cards, folders, or weights with a card beside them. */
async function readModels(paths: readonly string[]): Promise<PlannedModel[]> {
  const models: PlannedModel[] = [];
  for (const path of paths) {
    const card = await readCard(resolve(cardPath(path)));
    const taken = models.some(m => m.id === card.id);
    const id = taken ? `${card.id} (${path})` : card.id;
    models.push({ id, card: { ...card, id }, digest: await modelDigest(card), classOf: new Map() });
  }
  return models;
}

function cardPath(path: string): string {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() || /\.ya?ml$/.test(path)) return path;
  const beside = join(dirname(path), 'model.yaml');
  if (!existsSync(path)) throw new CtXaiError('MODEL', `there is no model ${path}.`);
  return existsSync(beside) ? beside : path;
}

/** Air and lung as the usual window shows them: what a model of grey images can be timed on. */
const LUNG = [-1350, 150] as const;

/** The same images for models of grey levels, where the data is in HU. */
function asUnit(dataset: Dataset, { intensity }: ModelCard): Dataset {
  if (intensity.unit === 'HU') return dataset;
  const grey = (source: Source): Source => {
    if (source.unit === 'grey') return source;
    const scale = 255 / (LUNG[1] - LUNG[0]);
    const data = source.pixels.data.map(v => Math.min(255, Math.max(0, (v - LUNG[0]) * scale)));
    return { ...source, unit: 'grey', pixels: { shape: source.pixels.shape, data } };
  };
  return {
    ...dataset,
    async *samples() {
      for await (const sample of dataset.samples()) {
        yield {
          ...sample,
          async load(signal) {
            const loaded = await sample.load(signal);
            return { ...loaded, source: grey(loaded.source) };
          },
        };
      }
    },
  };
}
