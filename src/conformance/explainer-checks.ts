import {
  type Attribution,
  type Explainer,
  type ExplainerNeed,
  isUndefined,
  type Undefined,
} from '../core/contracts/index.ts';
import { sameShape, sizeOf, type Tensor, tensor } from '../core/tensor.ts';
import { attentionModel } from './attention-model.ts';
import { type Check, ensure, withoutSkipped } from './conformance-check.ts';
import { denseModel, smoothModel } from './models.ts';
import { rememberingMemo } from './score.ts';
import { signedGradient } from './signed-gradient.ts';
import { someEffects } from './some-effects.ts';
import { type ExplainRequest, explainSubject, type Subject, subjectFor } from './subject.ts';

export interface ExplainerCheckOptions {
  /** Options to explain with, where the defaults are too slow for a test. Default: those of the explainer's `checks`. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Names of checks to leave out, with the reason; added to those of the explainer's `checks`. */
  readonly skip?: Readonly<Record<string, string>>;
  /** How far the passes spent may be from the declared cost, as a factor. Default 2. An upper bound is one always. */
  readonly costFactor?: number;
  /** What an explainer that wraps another wraps. Default: the gradient, channels summed. */
  readonly wrapped?: Explainer;
}

/**
 * What every explainer must do, as a list to run under any test framework:
 *
 * ```ts
 * for (const { name, run } of explainerChecks(myExplainer)) it(name, run);
 * ```
 *
 * They explain small smooth networks with known gradients (or attention, where that is required), on images of 18 × 22 pixels. What the explainer needs
 * besides (another map, effects, training images, a wrapped explainer) is given.
 */
export function explainerChecks(explainer: Explainer, settings: ExplainerCheckOptions = {}): readonly Check[] {
  const name = `explainer '${explainer.name}'`;
  const { costFactor = 2, options = explainer.checks.options } = settings;
  const parsed = explainer.options.parse(options ?? {});
  const needs = explainer.needsOf(parsed);
  const donor = needs.includes('donor') ? donorMap() : undefined;
  const effects = needs.some(n => n === 'effects' || n === 'other-effects') ? someEffects(HEIGHT, WIDTH) : undefined;
  const wrapped = explainer.wraps === undefined ? undefined : (settings.wrapped ?? signedGradient);
  const modelOf = explainer.requiresOf(parsed).includes('attention') ? attentionModel : smoothModel;
  const subjectOf = (seed: number, channels = 1, signal?: AbortSignal): Subject =>
    subjectFor(modelOf({ height: HEIGHT, width: WIDTH, channels, seed }), seed, signal);
  const explain = (subject: Subject, request: Partial<ExplainRequest> = {}) =>
    explainSubject({ explainer, subject, options, donor, effects, wrapped, ...request });

  const checks: Check[] = [
    {
      name: 'has defaults for all options, valid presets, and refuses unknown options',
      async run() {
        const accepts = (value: unknown) => explainer.options.safeParse(value).success;
        ensure(accepts({}), `${name}: options have no defaults.`, 'Give every option a default.');
        ensure(!accepts({ 'no-such-option': 1 }), `${name}: unknown options are accepted.`, 'Use z.strictObject.');
        for (const [preset, { options: values = {} }] of Object.entries(explainer.presets)) {
          ensure(accepts(values), `${name}: the options of preset '${preset}' are not valid.`);
        }
      },
    },
    {
      name: 'gives finite maps of the size of the model grid',
      async run() {
        let maps = 0;
        for (const subject of [subjectOf(0), subjectOf(1, 3), subjectOf(2)]) {
          const { result } = await explain(subject);
          checkOutcome(name, result, subject);
          if (!isUndefined(result)) maps++;
        }
        ensure(maps > 0, `${name}: gave no map for any of three images.`);
      },
    },
    {
      name: 'gives the same map for the same seed',
      async run() {
        const [a, b] = [await explain(subjectOf(0)), await explain(subjectOf(0))];
        ensureSame(
          a.result,
          b.result,
          `${name}: two explanations with one seed differ.`,
          'Draw from context.rng only.',
        );
      },
    },
    {
      name: 'gives another map for another seed only if it says that it draws',
      async run() {
        const [a, b] = [await explain(subjectOf(0)), await explain(subjectOf(0), { seed: 'another' })];
        if (isUndefined(a.result) || isUndefined(b.result)) return;
        const same = sameData(a.result.map.data, b.result.map.data);
        ensure(same || explainer.draws, `${name}: another seed gives another map.`, 'Say draws: true.');
        ensure(!same || !explainer.draws, `${name}: another seed gives the same map.`, 'Leave out draws.');
      },
    },
    {
      name: 'gives the same map when explanations overlap',
      async run() {
        const alone = await explain(subjectOf(0));
        const [together] = await Promise.all([
          explain(subjectOf(0)),
          explain(subjectOf(1, 3), { seed: 'other' }),
          explain(subjectOf(2), { class: 1 }),
        ]);
        ensureSame(alone.result, together.result, `${name}: explanations at the same time disturb each other.`);
      },
    },
    {
      name: 'gives the same map with and without a memo, whatever was explained before',
      async run() {
        const memo = rememberingMemo();
        await explain(subjectOf(0), { memo, class: 1 });
        await explain(subjectOf(0), { memo, seed: 'other' });
        if (wrapped) await explain(subjectOf(0), { memo, wrapped: renamed(wrapped) });
        for (const preset of Object.values(explainer.presets)) {
          await explain(subjectOf(0), { memo, options: { ...preset.options, ...options } });
        }
        const [first, again, plain] = [
          await explain(subjectOf(0), { memo }),
          await explain(subjectOf(0), { memo }),
          await explain(subjectOf(0)),
        ];
        const hint = 'A memo key must name all that its value depends on, beside image and model.';
        ensureSame(first.result, plain.result, `${name}: the memo mixes up two explanations.`, hint);
        ensureSame(again.result, plain.result, `${name}: a remembered map is not the computed one.`, hint);
      },
    },
    {
      name: 'leaves all that it is given as it is',
      async run() {
        const subject = subjectOf(0);
        const training = [subjectOf(7).image, subjectOf(8).image];
        const tensors = { image: subject.image, baseline: subject.baseline, view: subject.view, donor };
        const all = Object.entries({ ...tensors, 'first training image': training[0], 'second one': training[1] });
        const before = all.map(([, t]) => t?.data.slice());
        await explain(subject, { trainingImages: training });
        all.forEach(([what, t], i) => {
          ensure(!t || sameData(t.data, before[i]!), `${name}: it wrote into the ${what}.`, 'Copy before writing.');
        });
      },
    },
    {
      name: 'spends the passes that it declares',
      async run() {
        const subject = subjectOf(0);
        const spent = await explain(subject);
        const { input, classes } = subject.model;
        const facts = { ...input, classes: classes.length, layers: await subject.model.layers() };
        const inner = wrapped?.cost(wrapped.options.parse(explainer.innerOptionsOf(parsed)), facts);
        const cost = explainer.cost(parsed, facts, inner);
        for (const pass of ['forward', 'backward'] as const) {
          const [declared, measured] = [cost[pass], spent[pass]];
          const close = cost.atMost
            ? measured <= declared && (measured > 0 || declared === 0)
            : measured <= declared * costFactor && declared <= measured * costFactor;
          const said = cost.atMost ? `at most ${declared}` : declared;
          ensure(close, `${name}: it declares ${said} ${pass} passes and spent ${measured}.`, 'Correct cost().');
        }
      },
    },
    {
      name: 'stops when it is told to',
      async run() {
        const abort = new AbortController();
        abort.abort();
        const running = explain(subjectOf(0, 1, abort.signal));
        const stopped = await running.then(
          ({ forward, backward }) => forward + backward === 0,
          () => true,
        );
        ensure(stopped, `${name}: it went on after its signal was aborted.`, 'Pass context.signal to the model.');
      },
    },
    {
      name: 'gives no NaN where the image is constant or equals the baseline',
      async run() {
        const subject = subjectOf(0);
        const flat = { ...subject, view: filled(subject.view, 0.5), image: filled(subject.image, 0.25) };
        for (const s of [flat, { ...subject, baseline: subject.image }, { ...flat, baseline: flat.image }]) {
          checkOutcome(name, (await explain(s)).result, s);
        }
      },
    },
  ];

  if (explainer.classBlind) {
    checks.push({
      name: 'gives the same map for every class, as it says',
      async run() {
        const [a, b] = [await explain(subjectOf(0)), await explain(subjectOf(0), { class: 1 })];
        ensureSame(a.result, b.result, `${name}: its map depends on the class.`, 'Leave out classBlind.');
      },
    });
  } else if (explainer.role === 'method') {
    checks.push({
      name: 'gives different maps for different classes',
      async run() {
        for (let seed = 0; seed < 5; seed++) {
          const results = [];
          for (const target of [0, 1, 2]) results.push((await explain(subjectOf(seed), { class: target })).result);
          const maps = results.flatMap(r => (isUndefined(r) ? [] : [r.map.data]));
          if (maps.slice(1).some(map => !sameData(map, maps[0]!))) return;
        }
        ensure(
          false,
          `${name}: the map does not depend on the class.`,
          'Use context.target, or say classBlind; controls have a role.',
        );
      },
    });
  }
  for (const need of needs) {
    checks.push({
      name: `says so where ${WITHOUT[need].what}`,
      async run() {
        const { result } = await explain(subjectOf(0), WITHOUT[need].request);
        ensure(isUndefined(result), `${name}: it gave a map where ${WITHOUT[need].what}.`);
      },
    });
  }
  if (explainer.wraps !== undefined) {
    checks.push({
      name: 'says so where the wrapped explainer gives no map',
      async run() {
        const nothing = { ...signedGradient, explain: async () => ({ undefined: 'there is nothing to see' }) };
        const { result } = await explain(subjectOf(0), { wrapped: nothing });
        ensure(isUndefined(result), `${name}: it gave a map of nothing.`, 'Return what the wrapped explainer said.');
      },
    });
  }
  if (explainer.dimensions.includes(3)) {
    checks.push({
      name: 'explains volumes',
      async run() {
        const subject = subjectFor(denseModel({ spatial: [4, 6, 5], channels: 2 }), 0);
        const given = donor ? { donor: tensor([4, 6, 5], subject.view.data.slice()) } : {};
        const { result } = await explain(subject, given);
        checkOutcome(name, result, subject);
        ensure(!isUndefined(result), `${name}: gave no map of a volume.`, 'Leave 3 out of dimensions.');
      },
    });
  }
  return withoutSkipped(checks, { ...explainer.checks.skip, ...settings.skip });
}

const HEIGHT = 18;
const WIDTH = 22;

function donorMap(): Tensor {
  return tensor(
    [HEIGHT, WIDTH],
    Float32Array.from({ length: HEIGHT * WIDTH }, (_, i) => Math.sin(i)),
  );
}

/** A factor that speaks for the class, one that speaks against it, and one that does nothing. */
/** How what an explainer needs is withheld. */
const WITHOUT: Readonly<Record<ExplainerNeed, { readonly what: string; readonly request: Partial<ExplainRequest> }>> = {
  donor: { what: 'there is no donor', request: { donor: undefined } },
  effects: { what: 'no effects are known', request: { effects: undefined } },
  'other-effects': { what: 'no effects on another model are known', request: { effects: undefined } },
  'training-images': { what: 'there are no training images', request: { trainingImages: [] } },
};

/** The same explainer under another name, with other values. */
function renamed(explainer: Explainer): Explainer {
  return {
    ...explainer,
    name: `other-${explainer.name}`,
    async explain(context) {
      const result = await explainer.explain(context);
      return isUndefined(result)
        ? result
        : {
            map: tensor(
              result.map.shape,
              result.map.data.map(v => 1 - 3 * v),
            ),
          };
    },
  };
}

function filled(like: Tensor, value: number): Tensor {
  return tensor(like.shape, new Float32Array(like.data.length).fill(value));
}

function checkOutcome(name: string, result: Attribution | Undefined, { model }: Subject): void {
  if (isUndefined(result)) {
    ensure(typeof result.undefined === 'string' && result.undefined !== '', `${name}: 'undefined' without a reason.`);
    return;
  }
  const { map, standardErrors, regions, layerMap, diagnostics = {}, notes = {} } = result;
  const { spatial } = model.input;
  ensure(
    map?.data instanceof Float32Array && sameShape(map.shape, spatial) && map.data.length === sizeOf(spatial),
    `${name}: the map has shape [${map?.shape?.join(', ')}], not the model's [${spatial.join(', ')}].`,
    'Return a float32 tensor [h, w], channels summed.',
  );
  ensure(map.data.every(Number.isFinite), `${name}: the map has NaN or infinite values.`);
  if (standardErrors) {
    ensure(
      sameShape(standardErrors.shape, map.shape) && standardErrors.data.every(v => Number.isFinite(v) && v >= 0),
      `${name}: standard errors are not finite values ≥ 0 of the map's shape.`,
    );
  }
  if (regions) {
    const numbers = regions.length === map.data.length && regions.every(r => r >= 0);
    ensure(numbers, `${name}: regions are not numbers from 0, one for each pixel.`);
    const values = new Map<number, number>();
    const even = regions.every((r, p) => (values.get(r) ?? values.set(r, map.data[p]!).get(r)) === map.data[p]);
    ensure(even, `${name}: the map differs within a region.`, 'Give regions only where a region has one value.');
  }
  ensure(layerMap?.data.every(Number.isFinite) ?? true, `${name}: the layer map has NaN or infinite values.`);
  for (const [key, value] of Object.entries(diagnostics)) {
    ensure(Number.isFinite(value), `${name}: diagnostic '${key}' is ${value}.`, 'Leave out what is not finite.');
  }
  for (const [key, value] of Object.entries(notes)) {
    ensure(typeof value === 'string', `${name}: note '${key}' is not a string.`);
  }
}

function ensureSame(a: Attribution | Undefined, b: Attribution | Undefined, message: string, hint?: string): void {
  const same = isUndefined(a) || isUndefined(b) ? isUndefined(a) && isUndefined(b) : sameData(a.map.data, b.map.data);
  ensure(same, message, hint);
}

function sameData(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((v, i) => Object.is(v, b[i]));
}
