import { isUndefined, type Metric, type Score, type Undefined } from '../core/contracts/index.ts';
import { createRng } from '../core/rng.ts';
import { type Tensor, tensor } from '../core/tensor.ts';
import { type Check, ensure, withoutSkipped } from './conformance-check.ts';
import { linearModel, smoothModel } from './models.ts';
import { rememberingMemo, type ScoreRequest, scoreSubject } from './score.ts';
import { type Subject, subjectFor } from './subject.ts';

export interface MetricCheckOptions {
  /** Options to score with, where the defaults are too slow for a test. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Names of checks to leave out, with the reason. */
  readonly skip?: Readonly<Record<string, string>>;
}

/**
 * What every metric must do, as a list to run under any test framework:
 *
 * ```ts
 * for (const { name, run } of metricChecks(myMetric)) it(name, run);
 * ```
 *
 * They score maps of small analytic networks, on images of 18 × 22 pixels.
 */
export function metricChecks(metric: Metric, settings: MetricCheckOptions = {}): readonly Check[] {
  const name = `metric '${metric.name}'`;
  const { options } = settings;
  const score = (scene: Scene, request: Partial<ScoreRequest> = {}) =>
    scoreSubject({ metric, options, ...scene, ...request });

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
        for (const scene of scenes()) {
          const { result } = await score(scene);
          checkOutcome(metric, result);
          if (!isUndefined(result)) values++;
        }
        ensure(values > 0, `${name}: gave no value for any of ${scenes().length} maps.`);
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
        const [a, b] = [sceneOf(0), { ...sceneOf(0), attribution: randomMap(99) }];
        await score(b, { memo });
        const [first, again, plain] = [await score(a, { memo }), await score(a, { memo }), await score(a)];
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
        const spent = await score(scene);
        const cost = metric.cost(metric.options.parse(options ?? {}), scene.subject.model.input, {
          forward: 0,
          backward: 0,
        });
        for (const pass of ['forward', 'backward'] as const) {
          const message = `${name}: it declares ${cost[pass]} ${pass} passes and spent ${spent[pass]}.`;
          ensure(cost[pass] === spent[pass], message, 'Correct cost().');
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
  ];

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
      name: 'is undefined where the mask is empty',
      async run() {
        const scene = sceneOf(0);
        const { result } = await score({ ...scene, mask: tensor(scene.mask.shape) });
        ensure(isUndefined(result), `${name}: it gave ${JSON.stringify(result)} for an empty mask.`);
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
          const right = await score({ ...scene, attribution: scene.truth[metric.category]! });
          const random = await score({ ...scene, attribution: randomMap(seed) });
          if (isUndefined(right.result) || isUndefined(random.result)) continue;
          wins += Math.sign(sign * (right.result.value - random.result.value));
        }
        ensure(wins > 0, `${name}: random maps do as well as right ones.`, "Check 'better' and the sign.");
      },
    });
  }
  return withoutSkipped(checks, settings.skip);
}

const HEIGHT = 18;
const WIDTH = 22;

type Scene = Pick<ScoreRequest, 'subject' | 'attribution' | 'mask'>;

function sceneOf(seed: number, channels = 1): Scene {
  const subject = subjectFor(smoothModel({ height: HEIGHT, width: WIDTH, channels, seed }), seed);
  return { subject, attribution: randomMap(seed), mask: discMask(seed) };
}

function scenes(): Scene[] {
  const [first, second] = [sceneOf(0), sceneOf(1, 3)];
  const few = new Float32Array(HEIGHT * WIDTH);
  few[130] = 1;
  return [
    first,
    second,
    { ...first, attribution: { ...first.attribution, data: first.attribution.data.map(v => Math.max(0, v)) } },
    { ...first, attribution: tensor([HEIGHT, WIDTH], few) },
    { ...first, attribution: { ...first.attribution, data: first.attribution.data.map(v => 1e-30 * v) } },
  ];
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
  const truth = { faithfulness: tensor([HEIGHT, WIDTH], shares), localisation: mask };
  return { subject, attribution: truth.faithfulness, mask, truth };
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

function checkOutcome(metric: Metric, result: Score | Undefined): void {
  const name = `metric '${metric.name}'`;
  if (isUndefined(result)) {
    ensure(typeof result.undefined === 'string' && result.undefined !== '', `${name}: 'undefined' without a reason.`);
    return;
  }
  const { value, curve, details = {} } = result;
  const [low, high] = metric.range;
  ensure(Number.isFinite(value) && low <= value && value <= high, `${name}: ${value} is not in [${low}, ${high}].`);
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
