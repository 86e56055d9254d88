import { basename, resolve } from 'node:path';
import { parse } from 'yaml';
import { builtinRegistry } from '../../builtin.ts';
import { readCard } from '../../config/card.ts';
import type { Plan, PlannedExplainer, PlannedMetric, PlannedModel } from '../../config/plan.ts';
import { loadPlugins } from '../../config/plugins.ts';
import { resolveExplainers, resolveMetrics } from '../../config/resolve-parts.ts';
import { parseSuite } from '../../config/suite.ts';
import { imageBatch } from '../../core/batch.ts';
import type { FullClassifier, Sample } from '../../core/contracts/index.ts';
import { CtXaiError, nearest } from '../../core/errors.ts';
import { writeNpy } from '../../core/npy.ts';
import { lookUp, type Registry } from '../../core/registry.ts';
import { createRng } from '../../core/rng.ts';
import type { Tensor } from '../../core/tensor.ts';
import { decodeImage } from '../../data/pixels/decode.ts';
import { sourceOf } from '../../data/pixels/source.ts';
import { writeAtomic } from '../../results/files.ts';
import { loadImage } from '../../runners/loaded-image.ts';
import { createSharedWork } from '../../runners/memo.ts';
import { openModel } from '../../runners/open-model.ts';
import { predictedOf } from '../../runners/target.ts';
import { parseDevice } from '../../runners/timing/devices.ts';
import { explainUnit, scoreUnit, type UnitContext } from '../../runners/units.ts';
import { cacheFolder } from '../shared/cache.ts';
import { interruptSignal } from '../shared/interrupts.ts';
import { ExitCode, note, print, textTable } from '../shared/output.ts';
import { drawExplanation } from './draw-explanation.ts';

export interface ExplainArguments {
  readonly model: string;
  readonly image?: string | undefined;
  readonly method?: string | undefined;
  readonly preset?: string | undefined;
  readonly baseline?: string | undefined;
  readonly target: string;
  readonly option: readonly string[];
  readonly metric: readonly string[];
  readonly rescale?: string | undefined;
  readonly spacing?: number | undefined;
  readonly seed: string;
  readonly device: string;
  readonly plugin: readonly string[];
  readonly out?: string | undefined;
  readonly npy?: string | undefined;
  readonly listLayers: boolean;
}

/** `ct-xai explain`. */
export async function explainImage(argv: ExplainArguments): Promise<number> {
  const { registry } = await loadPlugins(argv.plugin, process.cwd(), builtinRegistry());
  const parts = argv.listLayers ? undefined : requireParts(argv, registry);
  const card = await readCard(cardPath(argv.model));
  const model: PlannedModel = { id: card.id, card, digest: '', classOf: new Map() };
  const chosen = argv.target === 'predicted' ? undefined : classNamed(argv.target, card.classes);
  const interrupts = interruptSignal();
  const { signal } = interrupts;
  const plan: Pick<Plan, 'engine' | 'registry'> = { engine: parseDevice(argv.device, 'auto'), registry };
  const classifier = await openModel(plan, model, { signal, cacheDir: cacheFolder() });
  try {
    if (!parts) return await listLayers(classifier);
    const image = await loadImage(sampleOf(parts.image, argv), model, registry.baselines, signal);
    const scores = await classifier.scores(imageBatch(image.image()), { as: 'probability', signal });
    const probabilities = [...scores.data];
    const target = chosen ?? predictedOf(probabilities);
    const rng = createRng(seedOf(argv)).fork('explain', model.id, basename(parts.image), parts.explainer.id);
    const context: UnitContext = { model: classifier, image, target: { class: target }, rng, signal };
    const { result, map } = await explainUnit(parts.explainer, context);
    if (result.status !== 'ok' || !map) {
      if (result.status === 'failed') throw new CtXaiError('MODEL', result.reason ?? 'the explanation failed.');
      note(`${parts.explainer.id} is ${result.status} here: ${result.reason}`);
      return ExitCode.rowsFailed;
    }
    const values = await scoresOf(parts, map, context);
    const title = [
      `${parts.explainer.id} of ${card.id}`,
      basename(parts.image),
      card.classes.map((name, c) => `${c === target ? '▸ ' : ''}${name} ${probabilities[c]!.toFixed(3)}`).join(' · '),
      ...(values.length > 0 ? [values.map(([name, value]) => `${name} ${value}`).join(' · ')] : []),
    ];
    if (argv.npy !== undefined) await writeAtomic(argv.npy, writeNpy({ shape: map.shape, data: map.data }));
    if (argv.out !== undefined) {
      await writeAtomic(argv.out, await drawExplanation({ view: image.view(), map, title }));
    }
    print(
      textTable(
        card.classes.map((name, c) => [c === target ? `▸ ${name}` : `  ${name}`, probabilities[c]!.toFixed(4)]),
      ),
    );
    for (const [name, value] of Object.entries({ ...result.notes, ...result.diagnostics })) print(`${name}: ${value}`);
    for (const [name, value] of values) print(`${name}: ${value}`);
    for (const file of [argv.out, argv.npy]) if (file !== undefined) print(file);
    return ExitCode.ok;
  } finally {
    await classifier.close();
    interrupts.release();
  }
}

interface Parts {
  readonly image: string;
  readonly explainer: PlannedExplainer;
  readonly metrics: readonly PlannedMetric[];
}

/** @throws CtXaiError USAGE for what is missing, SUITE for names and options that don't exist. */
function requireParts(argv: ExplainArguments, registry: Registry): Parts {
  const { image, method } = argv;
  if (image === undefined || method === undefined) {
    throw new CtXaiError('USAGE', `--${image === undefined ? 'image' : 'method'} is missing.`, {
      hint: "Give an image and a method, or --list-layers; see 'ct-xai explain --help'.",
    });
  }
  if (argv.out === undefined && argv.npy === undefined) {
    throw new CtXaiError('USAGE', 'nothing would be written.', { hint: 'Give --out FILE.png, --npy FILE, or both.' });
  }
  const found = lookUp(registry.explainers, 'explainer', method, '--method');
  if (found.needsOf(undefined).includes('donor')) {
    throw new CtXaiError('USAGE', `'${method}' takes another patient's map: it has no meaning on one image.`);
  }
  const entry = {
    use: method,
    options: optionsOf(argv.option),
    ...(argv.preset === undefined ? {} : { preset: argv.preset }),
    ...(argv.baseline === undefined ? {} : { baseline: argv.baseline }),
  };
  const control = found.role === 'control';
  const { suite } = parseSuite(
    {
      name: 'explain',
      models: [argv.model],
      data: { use: 'image' },
      // A suite wants one explainer; with a control it is not used.
      explainers: [control ? method : entry],
      controls: control ? [entry] : [],
      metrics: argv.metric,
    },
    '.',
  );
  const place = () => 'the command line';
  const explainers = resolveExplainers(control ? { ...suite, explainers: [] } : suite, registry, place);
  return { image, explainer: explainers[0]!, metrics: resolveMetrics(suite, registry, place) };
}

/** `key=value` with the value as in YAML: numbers, booleans, lists, or text. */
function optionsOf(given: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    given.map(text => {
      const at = text.indexOf('=');
      if (at < 1) {
        throw new CtXaiError('USAGE', `--option ${text}: expected key=value.`, {
          hint: 'For example --option steps=20.',
        });
      }
      return [text.slice(0, at), parse(text.slice(at + 1)) as unknown];
    }),
  );
}

function cardPath(path: string): string {
  return /\.onnx$/.test(path) ? resolve(path, '..', 'model.yaml') : resolve(path);
}

function classNamed(name: string, classes: readonly string[]): number {
  const found = classes.indexOf(name);
  if (found >= 0) return found;
  const near = nearest(name, classes);
  throw new CtXaiError('LABEL', `--target: the model has no class '${name}'.`, {
    hint: `${near ? `Did you mean '${near}'? ` : ''}Classes: ${classes.join(', ')}.`,
  });
}

function seedOf({ seed }: ExplainArguments): number | string {
  return /^-?\d+$/.test(seed) ? Number(seed) : seed;
}

function sampleOf(path: string, argv: ExplainArguments): Sample {
  const rescale = argv.rescale?.split(',').map(Number);
  if (rescale && (rescale.length !== 2 || !rescale.every(Number.isFinite))) {
    throw new CtXaiError('USAGE', `--rescale ${argv.rescale}: expected SLOPE,INTERCEPT, for example 1,-1024.`);
  }
  return {
    id: basename(path),
    patient: basename(path),
    hasMask: false,
    source: path,
    async load() {
      const source = sourceOf(await decodeImage(path), {
        rescale: rescale && { slope: rescale[0]!, intercept: rescale[1]! },
        spacing: argv.spacing === undefined ? undefined : [argv.spacing, argv.spacing],
      });
      return { source };
    },
  };
}

async function scoresOf({ metrics, explainer }: Parts, map: Tensor, context: UnitContext): Promise<[string, string][]> {
  const shared = createSharedWork();
  const out: [string, string][] = [];
  for (const metric of metrics) {
    const { value, reason, status } = await scoreUnit(metric, explainer.explainer.kindOf(explainer.options), map, {
      ...context,
      shared,
    });
    out.push([metric.id, value === undefined ? `${status} (${reason})` : value.toFixed(4)]);
  }
  return out;
}

async function listLayers(model: FullClassifier): Promise<number> {
  if (!model.capabilities.has('layers')) {
    note(model.runtime.limitations?.layers ?? 'this model has no layers that can be read.');
    return ExitCode.rowsFailed;
  }
  const layers = await model.layers();
  print(
    textTable([
      ['layer', 'operator', 'shape', ''],
      ...layers.map(l => [l.name, l.operator, l.shape.join('×'), l.cam ? 'CAM' : l.spatial ? '' : 'not spatial']),
    ]),
  );
  return ExitCode.ok;
}
