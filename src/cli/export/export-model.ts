import { existsSync } from 'node:fs';
import { builtinRegistry } from '../../builtin.ts';
import { readCard } from '../../config/card.ts';
import type { PlannedExplainer } from '../../config/plan.ts';
import { packageVersion } from '../../config/version.ts';
import {
  type AbleModel,
  type Attribution,
  type FullClassifier,
  isUndefined,
  type ModelCard,
  type ScoreKind,
  type Undefined,
} from '../../core/contracts/index.ts';
import { CtXaiError, nearest } from '../../core/errors.ts';
import { gaussLegendre, midpoints } from '../../core/linear/quadrature.ts';
import type { Registry } from '../../core/registry.ts';
import { createRng } from '../../core/rng.ts';
import type { Tensor } from '../../core/tensor.ts';
import { type PreparedImage, prepareBaseline } from '../../data/preparation/prepare.ts';
import { type ExplainedModel, explainedModel, type MapRecipe } from '../../engines/onnx/export/explained-model.ts';
import { MAP_HEADS } from '../../engines/onnx/export/map-heads.ts';
import { runExplained } from '../../engines/onnx/export/run-explained.ts';
import { openModel } from '../../jobs/open-model.ts';
import { writeAtomic } from '../../results/files.ts';
import { cacheFolder } from '../shared/cache.ts';
import { interruptSignal } from '../shared/interrupts.ts';
import { cardPath, namedParts } from '../shared/named-parts.ts';
import { ExitCode, note, print } from '../shared/output.ts';
import { testPictures } from './test-pictures.ts';

/** The largest difference from `explain` that a file may have, relative to the map's largest value. */
export const EXPORT_TOLERANCE = 1e-5;

interface ExportArguments {
  readonly model: string;
  readonly with: string;
  readonly out: string;
  readonly class?: string | undefined;
  readonly preset?: string | undefined;
  readonly baseline?: string | undefined;
  readonly option: readonly string[];
  readonly force: boolean;
}

type Parsed = { readonly score: ScoreKind } & Readonly<Record<string, unknown>>;

/** `ct-xai export`. @returns 0 if the file gives the maps that `explain` gives. */
export async function exportModel(argv: ExportArguments): Promise<number> {
  const { out, force } = argv;
  if (!out.endsWith('.onnx')) throw new CtXaiError('USAGE', `--out ${out}: an .onnx file is written.`);
  if (!force && existsSync(out)) {
    throw new CtXaiError('USAGE', `--out ${out}: it exists.`, { hint: 'Choose another name, or add --force.' });
  }
  const registry = builtinRegistry();
  const card = await readCard(cardPath(argv.model));
  if (card.format !== 'onnx') {
    throw new CtXaiError('USAGE', `${card.origin}: the model is no ONNX file.`, {
      hint: "Make it one first: 'ct-xai convert'.",
    });
  }
  requireFixedGraph(argv.with);
  const planned = namedParts({ ...argv, method: argv.with }, registry).explainers[0]!;
  const target = argv.class === undefined ? undefined : classOf(argv.class, card.classes);
  const interrupts = interruptSignal();
  const model = { id: card.id, card, digest: '', classOf: new Map() };
  const plan = { engine: { use: 'onnx', device: 'cpu' }, registry };
  const classifier = await openModel(plan, model, { signal: interrupts.signal, cacheDir: cacheFolder() });
  try {
    const subject = { card, planned: fixedSteps(planned), classifier, registry, target, signal: interrupts.signal };
    return await exportCompared(subject, out);
  } finally {
    await classifier.close();
    interrupts.release();
  }
}

interface ExportSubject {
  readonly card: ModelCard;
  readonly planned: PlannedExplainer;
  readonly classifier: FullClassifier;
  readonly registry: Registry;
  /** The class explained; undefined: the predicted one. */
  readonly target: number | undefined;
  readonly signal: AbortSignal;
}

async function exportCompared(subject: ExportSubject, out: string): Promise<number> {
  const { card, planned, target } = subject;
  const pictures = testPictures(card);
  const baseline = await fixedBaseline(subject, pictures);
  const expected = await explanations(subject, pictures, baseline);
  const recipe = recipeOf(subject, expected, baseline);
  const metadata = {
    'ct-xai version': packageVersion(),
    explainer: planned.explainer.name,
    options: JSON.stringify(planned.options),
    ...(planned.baseline === undefined ? {} : { baseline: planned.baseline }),
    class: target === undefined ? 'predicted' : card.classes[target]!,
    classes: JSON.stringify(card.classes),
  };
  const made = await explainedModel(card, recipe, metadata);
  const images = pictures.map(p => p.input);
  const got = await runExplained(made, images, card.input.layout);
  const difference = Math.max(
    ...expected.map((e, i) => largestDifference(got[i]!.map, isUndefined(e) ? undefined : e.map)),
  );
  if (!(difference <= EXPORT_TOLERANCE)) {
    note(
      `The file's maps differ from those of explain by ${difference.toExponential(1)} of the largest value, which is ` +
        `more than ${EXPORT_TOLERANCE}: nothing was written.`,
    );
    return ExitCode.rowsFailed;
  }
  await writeAtomic(out, made.bytes);
  describe(out, made, card, difference);
  return ExitCode.ok;
}

function describe(out: string, made: ExplainedModel, card: ModelCard, difference: number): void {
  const [h, w] = card.input.size;
  print(`${out}: ${(made.bytes.length / 2 ** 20).toFixed(1)} MB, opset ${made.opset}, standard operators only`);
  print(`input   ${made.input}: ${made.batch === 'any' ? 'any number of images' : `${made.batch} images`}, as before`);
  print(`output  ${made.scores}: as before`);
  print(`output  ${made.map}: [images, ${h}, ${w}], signed and not normalised`);
  print(`largest difference from 'ct-xai explain': ${difference.toExponential(1)} of the map's largest value`);
}

/** @throws CtXaiError USAGE for explainers that draw, ask again or look at other images. */
function requireFixedGraph(name: string): void {
  if (name in MAP_HEADS) return;
  const near = nearest(name, Object.keys(MAP_HEADS));
  throw new CtXaiError('USAGE', `--with ${name}: its map is no fixed graph, or there is no such explainer.`, {
    hint: `${near ? `Did you mean '${near}'? ` : ''}There are: ${Object.keys(MAP_HEADS).join(', ')}.`,
  });
}

function classOf(name: string, classes: readonly string[]): number {
  const at = classes.indexOf(name);
  if (at >= 0) return at;
  const near = nearest(name, classes);
  throw new CtXaiError('LABEL', `--class: the model has no class '${name}'.`, {
    hint: `${near ? `Did you mean '${near}'? ` : ''}Classes: ${classes.join(', ')}.`,
  });
}

/** A path in a graph has as many points for every image: none is added where the map is not complete. */
function fixedSteps(planned: PlannedExplainer): PlannedExplainer {
  const options = planned.options as Readonly<Record<string, unknown>>;
  return 'maxSteps' in options ? { ...planned, options: { ...options, maxSteps: options['steps'] } } : planned;
}

/** The baseline, which must be the same for all images. @throws CtXaiError USAGE where it is not. */
async function fixedBaseline(
  { card, planned, registry }: ExportSubject,
  pictures: readonly PreparedImage[],
): Promise<Tensor | undefined> {
  if (planned.baseline === undefined) return undefined;
  const baseline = registry.baselines.get(planned.baseline)!;
  const made = await Promise.all(pictures.map(picture => prepareBaseline(baseline, picture, card)));
  if (!baseline.fill && made.every(({ image }) => image.data.every((v, i) => v === made[0]!.image.data[i])))
    return made[0]!.image;
  throw new CtXaiError(
    'USAGE',
    `baseline '${planned.baseline}' depends on the image here, so it is no part of a graph.`,
    {
      hint: 'Give --baseline zero-input, which is the same for all images.',
    },
  );
}

/** What `explain` gives for the pictures. */
async function explanations(
  { planned, classifier, target, signal }: ExportSubject,
  pictures: readonly PreparedImage[],
  baseline: Tensor | undefined,
): Promise<readonly (Attribution | Undefined)[]> {
  const images = pictures.map(p => p.input);
  const batch = { count: images.length, write: (i: number, out: Float32Array) => out.set(images[i]!.data) };
  const { data } = await classifier.scores(batch, { as: 'probability', signal });
  const classes = classifier.classes.length;
  const found: (Attribution | Undefined)[] = [];
  for (const [i, { input, view }] of pictures.entries()) {
    const own = Array.from(data.subarray(i * classes, (i + 1) * classes));
    const context = {
      ...{ image: input, baseline: baseline ?? input, view, signal },
      model: classifier as unknown as AbleModel,
      target: { class: target ?? own.indexOf(Math.max(...own)) },
      options: planned.options,
      rng: createRng('export'),
      memo: <T>(_: string, compute: () => Promise<T>) => compute(),
      inner: async () => ({ undefined: 'nothing is wrapped' }),
      trainingImages: async () => [],
    };
    found.push(await planned.explainer.explain(context));
  }
  return found;
}

/** @throws CtXaiError USAGE for maps of several layers. */
function recipeOf(
  { planned, classifier, target }: ExportSubject,
  expected: readonly (Attribution | Undefined)[],
  baseline: Tensor | undefined,
): MapRecipe {
  const options = planned.options as Parsed;
  const noted = expected.flatMap(e => (isUndefined(e) ? [] : [e.notes?.['layer']])).find(name => name !== undefined);
  const named = typeof options['layer'] === 'string' ? options['layer'] : classifier.runtime.camLayer;
  const layer = noted ?? named;
  if (layer?.includes(', ')) {
    throw new CtXaiError('USAGE', 'a map of several layers is no part of a graph here.', {
      hint: 'Name one layer: --option layer=NAME.',
    });
  }
  const { steps, rule } = options as { steps?: number; rule?: string };
  return {
    ...{ explainer: planned.explainer.name, options },
    ...(layer === undefined ? {} : { layer }),
    ...(baseline ? { baseline } : {}),
    ...(target === undefined ? {} : { class: target }),
    ...(steps === undefined ? {} : { path: rule === 'midpoint' ? midpoints(steps) : gaussLegendre(steps) }),
  };
}

/** The largest difference, over the largest value of the expected map; a map that explain does not give is zero. */
function largestDifference(got: Float32Array, expected: Tensor | undefined): number {
  const values = expected?.data ?? new Float32Array(got.length);
  const scale = values.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  const difference = got.reduce((most, v, p) => Math.max(most, Math.abs(v - values[p]!)), 0);
  return Number.isNaN(difference) || got.length !== values.length
    ? Number.POSITIVE_INFINITY
    : difference / (scale || 1);
}
