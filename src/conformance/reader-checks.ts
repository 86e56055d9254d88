import type { DataReader, Dataset, LoadedSample, Sample } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { sameShape, sizeOf, type Tensor } from '../core/tensor.ts';
import { type Check, ensure, withoutSkipped } from './conformance-check.ts';

export interface ReaderCheckOptions {
  /** Options to open some data with: little of it, since all of it is opened often. Default: those of `checks`. */
  readonly options?: Readonly<Record<string, unknown>>;
  /** The folder that relative paths start from. Default: the current one. */
  readonly base?: string;
  /** Names of checks to leave out, with the reason; added to those of the reader's `checks`. */
  readonly skip?: Readonly<Record<string, string>>;
}

/** Samples that are loaded. */
const LOADED = 6;

/**
 * What every data reader must do, as a list to run under any test framework:
 *
 * ```ts
 * for (const { name, run } of readerChecks(myReader, { options: { path: 'some-data' } })) it(name, run);
 * ```
 *
 * They open the data that `options` name, and load the first samples.
 */
export function readerChecks(reader: DataReader, settings: ReaderCheckOptions = {}): readonly Check[] {
  const name = `data reader '${reader.name}'`;
  const { base = '.', options = reader.checks?.options ?? {} } = settings;
  const open = (changed: object = {}) => reader.open(reader.options.parse({ ...options, ...changed }), { base });
  const loadAll = async (): Promise<[Sample, LoadedSample][]> => {
    const samples = (await samplesOf(await open())).slice(0, LOADED);
    const loaded: [Sample, LoadedSample][] = [];
    for (const sample of samples) loaded.push([sample, await sample.load()]);
    return loaded;
  };

  const checks: Check[] = [
    {
      name: 'refuses unknown options',
      async run() {
        const taken = reader.options.safeParse({ ...options, 'no-such-option': 1 }).success;
        ensure(!taken, `${name}: unknown options are accepted.`, 'Use z.strictObject.');
      },
    },
    {
      name: 'gives as many samples as it counts, each with an id of its own',
      async run() {
        const dataset = await open();
        const samples = await samplesOf(dataset);
        ensure(samples.length > 0, `${name}: there is no sample.`, 'Name some data in the options.');
        const counts = `${dataset.count} and gives ${samples.length}`;
        ensure(samples.length === dataset.count, `${name}: it counts ${counts} samples.`);
        const ids = new Set(samples.map(s => s.id));
        ensure(ids.size === samples.length, `${name}: two samples have one id.`);
        const texts = samples.every(s => [s.id, s.patient, s.source].every(t => typeof t === 'string' && t !== ''));
        ensure(texts, `${name}: a sample has no id, patient or source.`);
        const absolute = samples.find(s => /^(\/|[A-Za-z]:\\)/.test(s.id));
        ensure(!absolute, `${name}: the id '${absolute?.id}' is a path of this machine.`, 'Give relative paths.');
      },
    },
    {
      name: 'lists the labels of all samples',
      async run() {
        const dataset = await open();
        const other = (await samplesOf(dataset)).find(s => s.label !== undefined && !dataset.labels.includes(s.label));
        ensure(!other, `${name}: the label '${other?.label}' of ${other?.id} is not among the data set's.`);
      },
    },
    {
      name: 'gives the same samples and digest when it is opened again',
      async run() {
        const [a, b] = [await open(), await open()];
        ensure(a.digest !== '' && a.digest === b.digest, `${name}: the digest changes though the data does not.`);
        const facts = async (dataset: Dataset) => JSON.stringify((await samplesOf(dataset)).map(factsOf));
        const first = await facts(a);
        ensure(first === (await facts(b)), `${name}: other samples, or another order.`);
        ensure(first === (await facts(a)), `${name}: samples() gives others the second time.`);
      },
    },
    {
      name: 'loads finite pixels, and says their unit and spacing rightly',
      async run() {
        for (const [sample, { source }] of await loadAll()) checkSource(`${name}: ${sample.id}`, source);
      },
    },
    {
      name: 'loads masks of 0 and 1 on the image’s grid where it says that there are some',
      async run() {
        for (const [sample, { source, mask, masks = {} }] of await loadAll()) {
          const where = `${name}: ${sample.id}`;
          const says = sample.hasMask ? 'it has a mask' : 'it has no mask';
          ensure((mask !== undefined) === sample.hasMask, `${where} says that ${says}, and loads otherwise.`);
          for (const each of [...(mask ? [mask] : []), ...Object.values(masks)]) checkMask(where, each, source.pixels);
        }
      },
    },
    {
      name: 'loads the same again, whatever was written into what it gave',
      async run() {
        const first = await loadAll();
        const before = first.map(([, { source }]) => source.pixels.data.slice());
        for (const [, { source, mask }] of first) {
          source.pixels.data.fill(7);
          mask?.data.fill(7);
        }
        const again = [...(await loadAll()), ...(await reloaded(first))];
        again.forEach(([sample, { source, mask }], i) => {
          const same = source.pixels.data.every((v, k) => Object.is(v, before[i % first.length]![k]));
          ensure(same && !mask?.data.includes(7), `${name}: ${sample.id} loads otherwise the second time.`);
        });
      },
    },
    {
      name: 'loads every variant that it names, on the same grid, and refuses others',
      async run() {
        for (const sample of (await samplesOf(await open())).slice(0, LOADED)) {
          const { variants = [] } = sample;
          const plain = variants.length > 0 ? await sample.load() : undefined;
          for (const variant of variants.slice(0, LOADED)) {
            const { source } = await sample.load(undefined, variant);
            checkSource(`${name}: ${sample.id}, variant '${variant}'`, source);
            const same = sameShape(source.pixels.shape, plain!.source.pixels.shape);
            ensure(
              same && source.unit === plain!.source.unit,
              `${name}: variant '${variant}' has another size or unit.`,
            );
          }
          if (variants.length === 0) continue;
          const refused = await sample.load(undefined, 'no such variant').then(
            () => false,
            () => true,
          );
          ensure(refused, `${name}: ${sample.id} loads a variant that is not among its variants.`);
        }
      },
    },
  ];
  if (pathOf(options) !== undefined) {
    checks.push({
      name: 'says what is wrong where there is no such path',
      async run() {
        const error = await open({ path: 'no-such-folder/at-all' }).catch((e: unknown) => e);
        const hint = "Throw a CtXaiError with the code 'DATA' that names the path.";
        ensure(error instanceof CtXaiError && error.message.includes('no-such-folder'), `${name}: ${error}`, hint);
      },
    });
  }
  return withoutSkipped(checks, { ...reader.checks?.skip, ...settings.skip });
}

function pathOf(options: Readonly<Record<string, unknown>>): unknown {
  return options['path'];
}

async function samplesOf(dataset: Dataset): Promise<Sample[]> {
  const samples: Sample[] = [];
  for await (const sample of dataset.samples()) samples.push(sample);
  return samples;
}

async function reloaded(first: readonly [Sample, LoadedSample][]): Promise<[Sample, LoadedSample][]> {
  const again: [Sample, LoadedSample][] = [];
  for (const [sample] of first) again.push([sample, await sample.load()]);
  return again;
}

/** What a sample says of itself before it is loaded. */
function factsOf({ load: _, ...facts }: Sample): object {
  return facts;
}

function checkSource(where: string, { pixels, colour, unit, spacing, placement }: LoadedSample['source']): void {
  const { shape, data } = pixels;
  ensure(data instanceof Float32Array && data.length === sizeOf(shape), `${where}: pixels are no float32 tensor.`);
  ensure(shape.length === 2 || shape.length === 3, `${where}: pixels have the shape [${shape.join(', ')}].`);
  ensure(data.every(Number.isFinite), `${where}: there are NaN or infinite pixels.`);
  ensure(unit === 'HU' || unit === 'grey', `${where}: the unit is '${unit}', neither 'HU' nor 'grey'.`);
  const inRange = unit !== 'grey' || data.every(v => v >= 0 && v <= 255);
  ensure(inRange, `${where}: grey levels are not within 0…255.`);
  const fits = !colour || (unit === 'grey' && sameShape(colour.shape, [...shape, 3]));
  ensure(fits, `${where}: colours are not [${shape.join(', ')}, 3], or not of a grey image.`);
  const sides = !spacing || (spacing.length === shape.length && spacing.every(s => s > 0 && Number.isFinite(s)));
  ensure(sides, `${where}: spacing [${spacing?.join(', ')}] is not one positive number per axis.`);
  if (!placement) return;
  const unitVectors = placement.axes.every(a => Math.abs(Math.hypot(...a) - 1) < 1e-3);
  ensure(
    placement.axes.length === shape.length && unitVectors && placement.origin.every(Number.isFinite),
    `${where}: the place is not an origin with one unit vector per axis.`,
  );
}

function checkMask(where: string, mask: Tensor, pixels: Tensor): void {
  ensure(sameShape(mask.shape, pixels.shape), `${where}: the mask has the shape [${mask.shape.join(', ')}].`);
  ensure(
    mask.data.every(v => v === 0 || v === 1),
    `${where}: the mask has values other than 0 and 1.`,
  );
}
