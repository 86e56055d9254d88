import { type Attribution, type Explainer, isUndefined, type Undefined } from '../core/contracts/index.ts';
import { sameShape, sizeOf, type Tensor, tensor } from '../core/tensor.ts';
import { type Check, ensure, withoutSkipped } from './conformance-check.ts';
import { smoothModel } from './models.ts';
import { type ExplainRequest, explainSubject, type Subject, subjectFor } from './subject.ts';

export interface ExplainerCheckOptions {
  /** Options to explain with, where the defaults are too slow for a test. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** Names of checks to leave out, with the reason. */
  readonly skip?: Readonly<Record<string, string>>;
  /** How far the passes spent may be from the declared cost, as a factor. Default 2. */
  readonly costFactor?: number;
}

/**
 * What every explainer must do, as a list to run under any test framework:
 *
 * ```ts
 * for (const { name, run } of explainerChecks(myExplainer)) it(name, run);
 * ```
 *
 * They explain small smooth networks with known gradients, on images of 18 × 22 pixels.
 */
export function explainerChecks(explainer: Explainer, settings: ExplainerCheckOptions = {}): readonly Check[] {
  const name = `explainer '${explainer.name}'`;
  const { options, costFactor = 2 } = settings;
  const needsDonor = explainer.needsOf(explainer.options.parse(options ?? {})).includes('donor');
  const donor = needsDonor ? donorMap() : undefined;
  const explain = (subject: Subject, request: Partial<ExplainRequest> = {}) =>
    explainSubject({ explainer, subject, options, donor, ...request });

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
      name: 'leaves image, baseline, view and donor as they are',
      async run() {
        const subject = subjectOf(0);
        const tensors = { image: subject.image, baseline: subject.baseline, view: subject.view, donor };
        const before = Object.values(tensors).map(t => t?.data.slice());
        await explain(subject);
        Object.entries(tensors).forEach(([what, t], i) => {
          ensure(!t || sameData(t.data, before[i]!), `${name}: it wrote into the ${what}.`, 'Copy before writing.');
        });
      },
    },
    {
      name: 'spends the passes that it declares',
      async run() {
        const subject = subjectOf(0);
        const spent = await explain(subject);
        const cost = explainer.cost(explainer.options.parse(options ?? {}), subject.model.input);
        for (const pass of ['forward', 'backward'] as const) {
          const [declared, measured] = [cost[pass], spent[pass]];
          const close = measured <= declared * costFactor && declared <= measured * costFactor;
          ensure(close, `${name}: it declares ${declared} ${pass} passes and spent ${measured}.`, 'Correct cost().');
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

  if (explainer.role === 'method') {
    checks.push({
      name: 'gives different maps for different classes',
      async run() {
        for (let seed = 0; seed < 5; seed++) {
          const results = [];
          for (const target of [0, 1, 2]) results.push((await explain(subjectOf(seed), { class: target })).result);
          const maps = results.flatMap(r => (isUndefined(r) ? [] : [r.map.data]));
          if (maps.slice(1).some(map => !sameData(map, maps[0]!))) return;
        }
        ensure(false, `${name}: the map does not depend on the class.`, 'Use context.target; controls have a role.');
      },
    });
  }
  if (needsDonor) {
    checks.push({
      name: 'says so where there is no donor',
      async run() {
        const { result } = await explain(subjectOf(0), { donor: undefined });
        ensure(isUndefined(result), `${name}: it gave a map without a donor.`);
      },
    });
  }
  return withoutSkipped(checks, settings.skip);
}

const HEIGHT = 18;
const WIDTH = 22;

function subjectOf(seed: number, channels = 1, signal?: AbortSignal): Subject {
  return subjectFor(smoothModel({ height: HEIGHT, width: WIDTH, channels, seed }), seed, signal);
}

function donorMap(): Tensor {
  return tensor(
    [HEIGHT, WIDTH],
    Float32Array.from({ length: HEIGHT * WIDTH }, (_, i) => Math.sin(i)),
  );
}

function filled(like: Tensor, value: number): Tensor {
  return tensor(like.shape, new Float32Array(like.data.length).fill(value));
}

function checkOutcome(name: string, result: Attribution | Undefined, { model }: Subject): void {
  if (isUndefined(result)) {
    ensure(typeof result.undefined === 'string' && result.undefined !== '', `${name}: 'undefined' without a reason.`);
    return;
  }
  const { map, diagnostics = {}, notes = {} } = result;
  const { spatial } = model.input;
  ensure(
    map?.data instanceof Float32Array && sameShape(map.shape, spatial) && map.data.length === sizeOf(spatial),
    `${name}: the map has shape [${map?.shape?.join(', ')}], not the model's [${spatial.join(', ')}].`,
    'Return a float32 tensor [h, w], channels summed.',
  );
  ensure(map.data.every(Number.isFinite), `${name}: the map has NaN or infinite values.`);
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
