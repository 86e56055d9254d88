import { imageBatch } from '../core/batch.ts';
import {
  isUndefined,
  type Metric,
  type MetricNeed,
  type ModelVariant,
  type Score,
  type Undefined,
} from '../core/contracts/index.ts';
import { inHalf } from '../core/image/halves.ts';
import { createRng } from '../core/rng.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { type Check, ensure, withoutSkipped } from './conformance-check.ts';
import { linearModel, smoothModel } from './models.ts';
import {
  collectSubject,
  isUndefinedItem,
  rememberingMemo,
  type Scored,
  type ScoreRequest,
  scoreSubject,
  smallExplainer,
} from './score.ts';
import { someEffects } from './some-effects.ts';
import { type Subject, subjectFor } from './subject.ts';
import { throughInput } from './through-input.ts';

export interface MetricCheckOptions {
  /** Options to score with, where the defaults are too slow for a test. Default: those of the metric's `checks`. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Names of checks to leave out, with the reason; added to those of the metric's `checks`. */
  readonly skip?: Readonly<Record<string, string>>;
}

/**
 * What every metric must do, as a list to run under any test framework:
 *
 * ```ts
 * for (const { name, run } of metricChecks(myMetric)) it(name, run);
 * ```
 *
 * They score maps of small analytic networks, on images of 18 × 22 pixels. Whatever a metric may need is given:
 * an explainer to explain again with, other weights, other versions of the image, effects, training images. A group
 * metric is given a group of five, of which the map that is checked is the first.
 */
export function metricChecks(metric: Metric, settings: MetricCheckOptions = {}): readonly Check[] {
  const name = `metric '${metric.name}'`;
  const { options = metric.checks.options } = settings;
  const score = (scene: Scene, request: Partial<Request> = {}) => scored({ metric, options, ...scene, ...request });

  const checks: Check[] = [
    {
      name: 'has defaults for all options, valid presets, and refuses unknown options',
      async run() {
        const accepts = (value: unknown) => metric.options.safeParse(value).success;
        ensure(accepts({}), `${name}: options have no defaults.`, 'Give every option a default.');
        ensure(!accepts({ 'no-such-option': 1 }), `${name}: unknown options are accepted.`, 'Use z.strictObject.');
        for (const [preset, { options: values = {} }] of Object.entries(metric.presets)) {
          ensure(accepts(values), `${name}: the options of preset '${preset}' are not valid.`);
        }
      },
    },
    {
      name: 'gives finite values in its range',
      async run() {
        let values = 0;
        for (const scene of scenes(metric)) {
          const { result } = await score(scene);
          checkOutcome(metric, result);
          if (!isUndefined(result)) values++;
        }
        ensure(values > 0, `${name}: gave no value for any of ${scenes(metric).length} maps.`);
      },
    },
    {
      name: 'gives the same value for the same seed, also when scores overlap',
      async run() {
        const [first, second] = [await score(sceneOf(0)), await score(sceneOf(0))];
        ensureSame(first.result, second.result, `${name}: two scores with one seed differ.`, 'Draw from context.rng.');
        const [together] = await Promise.all([score(sceneOf(0)), score(sceneOf(1)), score(sceneOf(2), { seed: 'b' })]);
        ensureSame(first.result, together.result, `${name}: scores at the same time disturb each other.`);
      },
    },
    {
      name: 'gives the same value with and without a memo, whatever was scored before',
      async run() {
        const memo = rememberingMemo();
        const mapMemo = rememberingMemo();
        const [a, b] = [sceneOf(0), { ...sceneOf(0), attribution: randomMap(99) }];
        await score(b, { memo });
        const [first, again, plain] = [
          await score(a, { memo, mapMemo }),
          await score(a, { memo, mapMemo }),
          await score(a),
        ];
        const hint = 'A memo key must name all that its value depends on, beside image and model.';
        ensureSame(first.result, plain.result, `${name}: the memo mixes up two maps.`, hint);
        ensureSame(again.result, plain.result, `${name}: a remembered value is not the computed one.`, hint);
      },
    },
    {
      name: 'leaves image, baseline, view, map and mask as they are',
      async run() {
        const scene = sceneOf(0);
        const { image, baseline, view } = scene.subject;
        const tensors = { image, baseline, view, map: scene.attribution, mask: scene.mask };
        const before = Object.values(tensors).map(t => t.data.slice());
        await score(scene);
        Object.entries(tensors).forEach(([what, t], i) => {
          const same = t.data.every((v, j) => Object.is(v, before[i]![j]));
          ensure(same, `${name}: it wrote into the ${what}.`, 'Copy before writing.');
        });
      },
    },
    {
      name: 'spends the passes that it declares',
      async run() {
        const scene = sceneOf(0);
        const { model } = scene.subject;
        const spent = await score(scene);
        const parsed = metric.options.parse(options ?? {});
        const facts = { ...model.input, classes: model.classes.length, layers: await model.layers() };
        const explanation = smallExplainer.cost({}, facts);
        const own = metric.cost(parsed, facts, { forward: 0, backward: 0 });
        const all = metric.cost(parsed, facts, explanation);
        for (const pass of ['forward', 'backward'] as const) {
          const declared = { own: own[pass], explaining: all[pass] - own[pass] };
          const measured = { own: spent[pass], explaining: spent.explanations[pass] };
          for (const part of ['own', 'explaining'] as const) {
            const right = own.atMost ? measured[part] <= declared[part] : measured[part] === declared[part];
            const atMost = own.atMost ? 'at most ' : '';
            const where = part === 'own' ? '' : ' for explanations';
            const message = `${name}: it declares ${atMost}${declared[part]} ${pass} passes${where} and spent ${measured[part]}.`;
            ensure(right, message, 'Correct cost().');
          }
        }
      },
    },
    {
      name: 'works where the spacing is unknown, and with three channels',
      async run() {
        const { subject, ...rest } = sceneOf(0);
        const { spacing: _, ...unknown } = subject;
        checkOutcome(metric, (await score({ ...rest, subject: unknown })).result);
        checkOutcome(metric, (await score(sceneOf(1, 3))).result);
      },
    },
    {
      name: 'gives a value or a reason where image and baseline are the same, or the map has one sign',
      async run() {
        const scene = sceneOf(0);
        const { subject, attribution } = scene;
        checkOutcome(metric, (await score({ ...scene, subject: { ...subject, baseline: subject.image } })).result);
        for (const sign of [1, -1]) {
          const map = { shape: attribution.shape, data: attribution.data.map(v => sign * Math.abs(v)) };
          checkOutcome(metric, (await score({ ...scene, attribution: map })).result);
        }
      },
    },
    {
      name: 'gives a value or a reason where pixels are tied, or the prediction is saturated',
      async run() {
        const scene = sceneOf(0);
        const halves = { ...scene.attribution, data: scene.attribution.data.map((_, i) => (i % WIDTH < 11 ? 1 : 0)) };
        checkOutcome(metric, (await score({ ...scene, attribution: halves })).result);
        for (const bias of [
          [400, 0, 0],
          [0, 400, 0],
        ]) {
          const model = linearModel({ height: HEIGHT, width: WIDTH, bias });
          checkOutcome(metric, (await score({ ...scene, subject: subjectFor(model, 0) })).result);
        }
      },
    },
  ];

  if (metric.category === 'faithfulness') {
    checks.push({
      name: 'is undefined where the model looks at nothing, saturated or not',
      async run() {
        const scene = sceneOf(0);
        const weights = [0, 1, 2].map(() => new Float64Array(HEIGHT * WIDTH));
        for (const bias of [
          [1, 0, 0],
          [400, 0, 0],
        ]) {
          const model = linearModel({ height: HEIGHT, width: WIDTH, weights, bias });
          const { result } = await score({ ...scene, subject: subjectFor(model, 0), variantModel: () => model });
          const message = `${name}: it gave ${JSON.stringify(result)} for a model whose scores never change.`;
          ensure(isUndefined(result), message, 'Return undefinedBecause(…) where nothing that is removed matters.');
        }
      },
    });
  }
  checks.push({
    name: 'is undefined where the map is constant, has NaN or infinite values, or is one pixel',
    async run() {
      const scene = sceneOf(0);
      const { shape, data } = scene.attribution;
      const spoilt = (v: number) => data.map((own, i) => (i === 40 ? v : own));
      const maps = { constant: data.map(() => 3), NaN: spoilt(Number.NaN), infinite: spoilt(Number.POSITIVE_INFINITY) };
      for (const [what, values] of Object.entries(maps)) {
        const { result } = await alone({ metric, options, ...scene, attribution: { shape, data: values } });
        ensure(isUndefined(result), `${name}: it gave ${JSON.stringify(result)} for a map that is ${what}.`);
      }
      const one = subjectFor(linearModel({ height: 1, width: 1 }), 0);
      const pixel = tensor([1, 1], Float32Array.of(1));
      const small = { subject: one, attribution: pixel, mask: pixel, variantModel: () => undefined };
      const { result } = await alone({ metric, options, ...small });
      ensure(isUndefined(result), `${name}: it gave ${JSON.stringify(result)} for one pixel.`);
    },
  });
  const comparesMaps =
    metric.needs.includes('explain') || metric.variantsOf(metric.options.parse(options ?? {})).length > 0;
  if (comparesMaps) {
    checks.push({
      name: 'is undefined where the maps that it compares with are constant, or have NaN or infinite values',
      async run() {
        for (const value of [0, 2, Number.NaN, Number.POSITIVE_INFINITY]) {
          const explainer = {
            ...smallExplainer,
            explain: async () => ({ map: tensor([HEIGHT, WIDTH], new Float32Array(HEIGHT * WIDTH).fill(value)) }),
          };
          const { result } = await alone({ metric, options, ...sceneOf(0), explainer });
          ensure(isUndefined(result), `${name}: it gave ${JSON.stringify(result)} where all other maps are ${value}.`);
        }
      },
    });
  }
  if (metric.scope === 'group') {
    checks.push({
      name: 'is undefined for no map, and for the maps of one patient',
      async run() {
        const none = metric.combine!([], metric.options.parse(options ?? {}));
        ensure(isUndefined(none), `${name}: it gave ${JSON.stringify(none)} for no maps.`);
        const { result } = await alone({ metric, options, ...sceneOf(0) });
        ensure(isUndefined(result), `${name}: it gave ${JSON.stringify(result)} for one patient.`);
      },
    });
  }
  if (metric.needs.includes('mask')) {
    checks.push({
      name: 'takes a grey mask for what is at least half in it, and refuses one of another size',
      async run() {
        const scene = sceneOf(0);
        const { shape, data } = scene.mask;
        const grey = { shape, data: data.map(v => (v > 0 ? 0.8 : 0.2)) };
        const [sharp, soft] = [await score(scene), await score({ ...scene, mask: grey })];
        ensureSame(soft.result, sharp.result, `${name}: a grey mask is not the same as a sharp one.`);
        const faint = { shape, data: data.map(() => 0.3) };
        const { result } = await score({ ...scene, mask: faint }, { groupMask: faint });
        ensure(isUndefined(result), `${name}: it gave ${JSON.stringify(result)} for a mask that is nowhere half full.`);
        const refused = await score({ ...scene, mask: tensor([shape[0]! + 1, shape[1]!]) }).then(
          () => false,
          () => true,
        );
        ensure(refused, `${name}: a mask of another size is taken.`);
      },
    });
  }

  if (metric.needs.includes('model')) {
    checks.push({
      name: 'stops when it is told to',
      async run() {
        const abort = new AbortController();
        abort.abort();
        const scene = sceneOf(0);
        const stopped = await score({ ...scene, subject: { ...scene.subject, signal: abort.signal } }).then(
          ({ forward, backward }) => forward + backward === 0,
          () => true,
        );
        ensure(stopped, `${name}: it went on after its signal was aborted.`, 'Pass context.signal to the model.');
      },
    });
  }
  if (metric.needs.includes('mask')) {
    checks.push({
      name: 'is undefined where the mask is empty, or covers all',
      async run() {
        const scene = sceneOf(0);
        const { shape, data } = scene.mask;
        for (const mask of [tensor(shape), tensor(shape, new Float32Array(data.length).fill(1))]) {
          const { result } = await score({ ...scene, mask }, { groupMask: mask });
          const which = mask.data[0] === 0 ? 'an empty mask' : 'a mask that covers all';
          ensure(isUndefined(result), `${name}: it gave ${JSON.stringify(result)} for ${which}.`);
        }
      },
    });
  }
  for (const need of metric.needs) {
    const without = WITHOUT[need];
    if (!without) continue;
    checks.push({
      name: `says so where ${without.what}`,
      async run() {
        const { result } = await score(sceneOf(0), without.request);
        ensure(isUndefined(result), `${name}: it gave ${JSON.stringify(result)} where ${without.what}.`);
        checkOutcome(metric, result);
      },
    });
  }
  if (metric.category === 'faithfulness' || metric.category === 'localisation') {
    checks.push({
      name: 'prefers a right map to random ones',
      async run() {
        const sign = metric.better === 'higher' ? 1 : -1;
        let wins = 0;
        for (let seed = 0; seed < 5; seed++) {
          const scene = knownScene(seed);
          const right = await score({ ...scene, attribution: scene.truth[metric.category]! }, { known: 'truth' });
          const random = await score({ ...scene, attribution: randomMap(seed) }, { known: 'random' });
          if (isUndefined(right.result) || isUndefined(random.result)) continue;
          wins += Math.sign(sign * (right.result.value - random.result.value));
        }
        ensure(wins > 0, `${name}: random maps do as well as right ones.`, "Check 'better' and the sign.");
      },
    });
  }
  return withoutSkipped(checks, { ...metric.checks.skip, ...settings.skip });
}

const HEIGHT = 18;
const WIDTH = 22;

type Scene = Pick<ScoreRequest, 'subject' | 'attribution' | 'mask'> & Partial<ScoreRequest>;

/** How the others of a group are made: with this mask, or with maps that are all right or all random. */
interface GroupRequest {
  readonly groupMask?: Tensor;
  readonly known?: 'truth' | 'random';
}

type Request = ScoreRequest & GroupRequest;

async function scored({ groupMask, known, ...request }: Request): Promise<Scored> {
  const { metric } = request;
  if (metric.scope === 'map') return scoreSubject(await withWorld(request));
  const { item, ...spent } = await collectSubject(await withWorld(request));
  const items = [{ item, sample: 'first', patient: 'first', class: 0 }];
  const { options, explainer, variantModel } = request;
  for (const seed of [11, 12, 13, 14]) {
    const { truth, ...scene } = known ? knownScene(seed) : { ...sceneOf(seed), truth: undefined };
    const attribution = known === 'truth' ? truth![metric.category]! : scene.attribution;
    const other = { ...scene, attribution, ...(groupMask ? { mask: groupMask } : {}) };
    const more = await collectSubject(await withWorld({ metric, options, explainer, variantModel, ...other }));
    items.push({ item: more.item, sample: `${seed}`, patient: `${seed}`, class: 0 });
  }
  const usable = items.flatMap(({ item, ...names }) =>
    item === undefined || isUndefinedItem(item) ? [] : [{ item: JSON.parse(JSON.stringify(item)), ...names }],
  );
  return { result: metric.combine!(usable, metric.options.parse(options ?? {})), ...spent };
}

/** The value of one map; of a group metric, that of a group of it alone. */
async function alone(request: ScoreRequest): Promise<Scored> {
  const { metric } = request;
  if (metric.scope === 'map') return scoreSubject(await withWorld(request));
  const { item, ...spent } = await collectSubject(await withWorld(request));
  const items =
    item === undefined || isUndefinedItem(item) ? [] : [{ item, sample: 'only', patient: 'only', class: 0 }];
  return { result: metric.combine!(items, metric.options.parse(request.options ?? {})), ...spent };
}

/** All that a metric may ask for beside image and map, and the class that is predicted, unless the request says otherwise. */
async function withWorld(request: ScoreRequest): Promise<ScoreRequest> {
  const { image, view, model } = request.subject;
  const scores = [...(await model.scores(imageBatch(image), { as: 'logit' })).data];
  const changed = (t: Tensor, gain: number) => ({ shape: t.shape, data: t.data.map(v => gain * v) });
  return {
    class: scores.indexOf(Math.max(...scores)),
    variantModel: variant => variantOf(request.subject, variant),
    sampleVariants: Object.fromEntries(
      ['dose: 0.25', 'kernel: sharp'].map((name, i) => {
        const gain = 1 - 0.02 * (i + 1);
        return [name, { image: changed(image, gain), view: changed(view, gain) }];
      }),
    ),
    effects: someEffects(HEIGHT, WIDTH),
    ...request,
  };
}

/** The same function for a rewritten or shifted graph, the same network behind a blind half, other weights of the same architecture otherwise. */
function variantOf({ model }: Subject, variant: ModelVariant): Subject['model'] {
  if (variant.kind === 'original' || variant.kind === 'rewritten') return model;
  if (variant.kind === 'shifted') return throughInput(model, v => v - variant.by);
  if (variant.kind === 'blinded') {
    const { channels } = model.input;
    const blind = (k: number) => inHalf(variant.half, Math.floor(k / channels), [HEIGHT, WIDTH]);
    return throughInput(
      model,
      (v, k) => (blind(k) ? 0 : v),
      k => (blind(k) ? 0 : 1),
    );
  }
  return smoothModel({ height: HEIGHT, width: WIDTH, channels: model.input.channels, seed: JSON.stringify(variant) });
}

const NOTHING = { ...smallExplainer, explain: async () => ({ undefined: 'there is nothing to see' }) };

/** How what a metric needs is withheld. */
const WITHOUT: Readonly<
  Partial<Record<MetricNeed, { readonly what: string; readonly request: Partial<ScoreRequest> }>>
> = {
  explain: { what: 'the explainer gives no other map', request: { explainer: NOTHING } },
  weights: { what: 'the model has no variants', request: { variantModel: () => undefined } },
  variants: { what: 'the sample has no variants', request: { sampleVariants: {} } },
  effects: { what: 'no effects are known', request: { effects: undefined } },
  'training-images': { what: 'there are no training images', request: { trainingImages: [] } },
};

function sceneOf(seed: number, channels = 1): Scene {
  const subject = subjectFor(smoothModel({ height: HEIGHT, width: WIDTH, channels, seed }), seed);
  return { subject, attribution: randomMap(seed), mask: discMask(seed) };
}

function scenes(metric: Metric): Scene[] {
  const [first, second] = [sceneOf(0), sceneOf(1, 3)];
  const few = new Float32Array(HEIGHT * WIDTH);
  few[130] = 1;
  return [
    first,
    second,
    ...metric.kinds.slice(1).map(kind => ({ ...first, kind })),
    ...(metric.kinds.includes('regional') ? [regionalScene(first)] : []),
    { ...first, attribution: { ...first.attribution, data: first.attribution.data.map(v => Math.max(0, v)) } },
    { ...first, attribution: tensor([HEIGHT, WIDTH], few) },
    { ...first, attribution: { ...first.attribution, data: first.attribution.data.map(v => 1e-30 * v) } },
  ];
}

/** A map that has one value in each of twelve regions of unequal size. */
function regionalScene(scene: Scene): Scene {
  const region = (i: number) => 4 * Math.floor(Math.sqrt(Math.floor(i / WIDTH) / 2)) + Math.floor((i % WIDTH) / 6);
  const regions = Int32Array.from({ length: HEIGHT * WIDTH }, (_, i) => region(i));
  const attribution = tensor(
    [HEIGHT, WIDTH],
    Float32Array.from(regions, r => Math.sin(r + 1)),
  );
  return { ...scene, kind: 'regional', regions, attribution };
}

/** A linear margin, of which each pixel's share is known, and a mask with the map that fills it. */
function knownScene(seed: number): Scene & { truth: Partial<Record<Metric['category'], Tensor>> } {
  const rng = createRng(`known scene ${seed}`);
  const weights = Float64Array.from({ length: HEIGHT * WIDTH }, () => 0.3 * rng.normal());
  const model = linearModel({ height: HEIGHT, width: WIDTH, weights: [weights, new Float64Array(weights.length)] });
  const subject: Subject = subjectFor(model, seed);
  const mask = discMask(seed);
  const { image, baseline } = subject;
  const shares = Float32Array.from(weights, (w, i) => w * (image.data[i]! - baseline.data[i]!));
  const signed = mask.data.map(v => (v > 0 ? 1 : -0.1));
  const truth = { faithfulness: tensor([HEIGHT, WIDTH], shares), localisation: tensor([HEIGHT, WIDTH], signed) };
  return { subject, attribution: randomMap(seed), mask, truth, class: 0 };
}

function randomMap(seed: number): Tensor {
  const rng = createRng(`random map ${seed}`);
  const data = Float32Array.from({ length: HEIGHT * WIDTH }, () => rng.normal());
  return tensor([HEIGHT, WIDTH], data);
}

function discMask(seed: number): Tensor {
  const [cy, cx] = [6 + (seed % 5), 9 + (seed % 4)];
  const inside = (i: number) => (Math.floor(i / WIDTH) - cy) ** 2 + ((i % WIDTH) - cx) ** 2 <= 12;
  return tensor(
    [HEIGHT, WIDTH],
    Float32Array.from({ length: HEIGHT * WIDTH }, (_, i) => (inside(i) ? 1 : 0)),
  );
}

/** A factor that speaks for the class, one that speaks against it, and one that does nothing. */
function checkOutcome(metric: Metric, result: Score | Undefined): void {
  const name = `metric '${metric.name}'`;
  if (isUndefined(result)) {
    ensure(typeof result.undefined === 'string' && result.undefined !== '', `${name}: 'undefined' without a reason.`);
    return;
  }
  const { value, chance, error, curve, details = {} } = result;
  const [low, high] = metric.range;
  ensure(Number.isFinite(value) && low <= value && value <= high, `${name}: ${value} is not in [${low}, ${high}].`);
  if (chance !== undefined) {
    ensure(Number.isFinite(chance) && low <= chance && chance <= high, `${name}: by chance ${chance}.`);
  }
  if (metric.chance === 'image') {
    ensure(chance !== undefined, `${name}: a value without its chance level.`, "Return 'chance' beside 'value'.");
  }
  if (error !== undefined) ensure(Number.isFinite(error) && error >= 0, `${name}: the error is ${error}.`);
  for (const [key, detail] of Object.entries(details)) {
    ensure(Number.isFinite(detail), `${name}: detail '${key}' is ${detail}.`, 'Leave out what is not finite.');
  }
  if (!curve) return;
  const { fraction, score } = curve;
  const ascending = fraction.every((f, i) => i === 0 || f > fraction[i - 1]!);
  const whole = fraction[0] === 0 && fraction[fraction.length - 1] === 1;
  ensure(ascending && whole && fraction.length === score.length, `${name}: the curve does not ascend from 0 to 1.`);
  ensure(score.every(Number.isFinite), `${name}: the curve has NaN or infinite scores.`);
}

function ensureSame(a: Score | Undefined, b: Score | Undefined, message: string, hint?: string): void {
  ensure(JSON.stringify(a) === JSON.stringify(b), message, hint);
}
