import { basename, resolve } from 'node:path';
import { builtinRegistry } from '../../builtin.ts';
import { readCard } from '../../config/card.ts';
import { modelDigest } from '../../config/model-digest.ts';
import type { Plan, PlannedModel, PlannedTarget } from '../../config/plan.ts';
import { loadPlugins } from '../../config/plugins.ts';
import { baselinesOf } from '../../config/resolve-settings.ts';
import { packageVersion } from '../../config/version.ts';
import type { Dataset, ModelCard, Sample } from '../../core/contracts/index.ts';
import { jsonDigest } from '../../core/digest.ts';
import { CtXaiError, nearest } from '../../core/errors.ts';
import { lookUp, type Registry } from '../../core/registry.ts';
import { type OpenFileOptions, openFile } from '../../data/open-file.ts';
import { parseDevice } from '../../runners/timing/devices.ts';
import { cardPath, namedParts } from '../shared/named-parts.ts';
import { pluginLimits } from '../shared/plugin-limits.ts';
import type { ExplainArguments } from './explain-arguments.ts';

/** A plan for one image file, one model and one explainer. */
export async function planOfImage(argv: ExplainArguments): Promise<Plan> {
  const { registry } = await loadPlugins(argv.plugin, process.cwd(), builtinRegistry());
  const { image, explainers, metrics } = requireParts(argv, registry);
  const read = await readCard(cardPath(argv.model!));
  const target = targetOf(argv.target, read);
  // Of findings, and of values, the one that is explained is what a row is about.
  const alone = read.task === 'multi-label' || read.task === 'regression';
  const card = alone && target.kind === 'class' ? { ...read, positive: target.name } : read;
  const digest = await modelDigest(card);
  const model: PlannedModel = {
    id: card.id,
    card,
    digest,
    classOf: new Map(),
    ...(target.kind === 'class' ? { targetClass: card.classes.indexOf(target.name) } : {}),
  };
  const sample = await openFile(image, registry.readers, fileOptions(argv));
  const dataset = oneSample({ name: basename(image), labels: [], digest: resolve(image) }, sample);
  return {
    name: 'explain',
    seed: seedOf(argv),
    explained: 'all',
    suite: {},
    digest: jsonDigest([digest, dataset.digest]),
    version: packageVersion(),
    models: [model],
    dataset,
    labels: {},
    explainers,
    metrics,
    baselines: baselinesOf([...explainers, ...metrics], registry),
    target,
    analysis: { strata: [], least: 0 },
    timing: { enabled: false, samples: 1, repeats: 1, seconds: 1, most: 'auto', budgets: [] },
    engine: parseDevice(argv.device, 'auto'),
    output: { attributions: false, curvesCsv: false, gallery: 0, formulas: 'neutralised', patients: 'plain' },
    limits: pluginLimits(argv),
    registry,
  };
}

/** The data with one of its samples alone. */
export function oneSample(dataset: Omit<Dataset, 'samples' | 'count'>, sample: Sample): Dataset {
  return {
    ...dataset,
    count: 1,
    async *samples() {
      yield sample;
    },
  };
}

/** @throws CtXaiError USAGE for what is missing, SUITE for names and options that don't exist. */
function requireParts(
  argv: ExplainArguments,
  registry: Registry,
): Pick<Plan, 'explainers' | 'metrics'> & { readonly image: string } {
  const { image, method } = argv;
  if (image === undefined || method === undefined) {
    throw new CtXaiError('USAGE', `--${image === undefined ? 'image' : 'method'} is missing.`, {
      hint: "Give an image and a method, or --list-layers; see 'ct-xai explain --help'.",
    });
  }
  if (argv.out === undefined && argv.npy === undefined && argv.save.length === 0) {
    throw new CtXaiError('USAGE', 'nothing would be written.', {
      hint: 'Give --out FILE.png, --npy FILE, or --save nifti.',
    });
  }
  const found = lookUp(registry.explainers, 'explainer', method, '--method');
  if (found.needsOf(found.options.parse({})).includes('donor')) {
    throw new CtXaiError('USAGE', `'${method}' takes another patient's map: it has no meaning on one image.`);
  }
  return { image, ...namedParts({ ...argv, model: argv.model!, method }, registry) };
}

function targetOf(name: string, { task, classes, positive }: ModelCard): PlannedTarget {
  if (name === 'predicted' && task === 'regression') {
    if (classes.length === 1 || positive !== undefined) return { kind: 'class', name: positive ?? classes[0]! };
    throw new CtXaiError(
      'LABEL',
      '--target: the model has several values, and none is predicted rather than another.',
      {
        hint: `Name the one that is to be explained: --target ${classes[0]}. Values: ${classes.join(', ')}.`,
      },
    );
  }
  if (name === 'predicted') return { kind: 'predicted' };
  if (classes.includes(name)) return { kind: 'class', name };
  const near = nearest(name, classes);
  throw new CtXaiError('LABEL', `--target: the model has no class '${name}'.`, {
    hint: `${near ? `Did you mean '${near}'? ` : ''}Classes: ${classes.join(', ')}.`,
  });
}

function seedOf({ seed }: ExplainArguments): number | string {
  return /^-?\d+$/.test(seed) ? Number(seed) : seed;
}

function fileOptions({ rescale: given, spacing, bits, slice, plane, use }: ExplainArguments): OpenFileOptions {
  const rescale = given?.split(',').map(Number);
  if (rescale && (rescale.length !== 2 || !rescale.every(Number.isFinite))) {
    throw new CtXaiError('USAGE', `--rescale ${given}: expected SLOPE,INTERCEPT, for example 1,-1024.`);
  }
  return {
    ...(rescale ? { rescale: { slope: rescale[0]!, intercept: rescale[1]! } } : {}),
    ...{ spacing, bits, slice, plane, use },
  };
}
