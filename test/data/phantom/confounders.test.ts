import { describe, expect, test } from 'vitest';
import type { Sample } from '../../../src/core/contracts/index.ts';
import { effectsOf } from '../../../src/core/truth/effects.ts';
import { CONFOUNDER_NAMES, NON_LOCAL } from '../../../src/data/phantom/confounder-names.ts';
import { phantom } from '../../../src/data/readers/phantom.ts';

const SIZE = 96;
const asked = { seed: 'factors', patients: 4, slices: 1, size: SIZE };

async function samplesOf(options: object): Promise<Sample[]> {
  const found: Sample[] = [];
  for await (const sample of (await phantom.open(phantom.options.parse(options), { base: '.' })).samples()) {
    found.push(sample);
  }
  return found;
}

const pixels = async (sample: Sample, variant?: string) => (await sample.load(undefined, variant)).source.pixels.data;
const named = (sample: Sample, name: string) => sample.factors!.find(f => f.name === name);
const positive = (samples: readonly Sample[]) => samples.find(s => s.label === 'covid')!;

describe.each(CONFOUNDER_NAMES)('the confounder %s', name => {
  test('is in positives alone at agreement 1, in negatives alone at 0, and its absence is the image without it', async () => {
    const [always, never] = [await samplesOf({ ...asked, [name]: 1 }), await samplesOf({ ...asked, [name]: 0 })];
    for (const [k, sample] of always.entries()) {
      const has = sample.label === 'covid';
      expect(named(sample, name) !== undefined).toBe(has);
      expect(named(never[k]!, name) !== undefined).toBe(!has);
      if (!has) continue;
      expect(named(sample, name)).toEqual({
        ...{ name, role: 'confounder' },
        ...(NON_LOCAL.includes(name) ? { local: false } : {}),
      });
      // The same patient without it: drawn noise follows the tissue, so a table's edge or a line takes its noise along.
      const [off, bare] = [await pixels(sample, `without:${name}`), await pixels(never[k]!)];
      const changed = off.reduce((count, hu, p) => count + (Math.abs(hu - bare[p]!) > 1e-3 ? 1 : 0), 0);
      expect(changed / off.length).toBeLessThan(0.03);
      expect(await pixels(sample)).not.toEqual(off);
    }
  });

  test('adds to the lesions without changing what they change', async () => {
    const sample = positive(await samplesOf({ ...asked, [name]: 1 }));
    const lesion = sample.factors!.find(f => f.role === 'lesion')!.name;
    const [both, noLesion, noConfounder, neither] = await Promise.all(
      [undefined, `without:${lesion}`, `without:${name}`, `without:${lesion}+${name}`].map(v => pixels(sample, v)),
    );
    let compared = 0;
    both!.forEach((hu, p) => {
      if (Math.min(hu, noLesion![p]!, noConfounder![p]!, neither![p]!) <= -984) return;
      expect(hu - noLesion![p]!).toBeCloseTo(noConfounder![p]! - neither![p]!, 2);
      compared++;
    });
    expect(compared).toBeGreaterThan(SIZE * SIZE * 0.3);
  });
});

test('a central line is a bright spot of a few millimetres in the mediastinum', async () => {
  for (const sample of await samplesOf({ ...asked, size: 256, line: 1, patients: 6 })) {
    if (sample.label !== 'covid') continue;
    const { pixels: whole, spacing } = (await sample.load()).source;
    const without = await pixels(sample, 'without:line');
    const changed = [...whole.data.keys()].filter(p => Math.abs(whole.data[p]! - without[p]!) > 10);
    const mm2 = changed.length * spacing![0]! * spacing![1]!;
    expect(mm2).toBeGreaterThan(Math.PI * 1.5 ** 2);
    expect(mm2).toBeLessThan(Math.PI * 4 ** 2);
    expect(Math.max(...changed.map(p => whole.data[p]!))).toBeGreaterThan(500);
    // In soft tissue, not in the lung: noise of up to 29 HU on it.
    for (const p of changed) expect(without[p]).toBeGreaterThan(-250);
  }
});

test('brightness raises every pixel by the same', async () => {
  const sample = positive(await samplesOf({ ...asked, brightness: 1, letter: 1 }));
  const without = await pixels(sample, 'without:brightness');
  (await pixels(sample)).forEach((hu, p) => {
    expect(hu - without[p]!).toBeCloseTo(40, 3);
  });
});

/** SD of differences between neighbours in soft tissue, in both pictures, and how they go together. */
function neighbours(sharp: Float32Array, soft: Float32Array) {
  const size = Math.sqrt(soft.length);
  const at = [...soft.keys()].filter(
    p => p % size < size - 1 && [p, p + 1].every(q => soft[q]! > -60 && soft[q]! < 130 && sharp[q]! > -300),
  );
  const products = (a: Float32Array, b: Float32Array) =>
    at.reduce((sum, p) => sum + (a[p + 1]! - a[p]!) * (b[p + 1]! - b[p]!), 0) / at.length;
  const [own, other, common] = [products(sharp, sharp), products(soft, soft), products(sharp, soft)];
  return { ratio: Math.sqrt(own / other), correlation: common / Math.sqrt(own * other) };
}

test.each([{ size: 256 }, { physics: 'projection', thickness: 1 }])(
  'sharpness is another kernel on the same raw data, everywhere: %j',
  async scan => {
    const sample = positive(await samplesOf({ ...asked, patients: 2, sharpness: 1, ...scan }));
    const [sharp, soft] = [await pixels(sample), await pixels(sample, 'without:sharpness')];
    const { ratio, correlation } = neighbours(sharp, soft);
    expect(ratio).toBeGreaterThan(1.15);
    expect(correlation).toBeGreaterThan(0.5);
    // What it changes is so little in most pixels that its region would look like one.
    const changes = [Float32Array.from(sharp, (hu, p) => hu - soft[p]!)];
    const found = (factor: object) =>
      effectsOf({
        ...{ factors: [{ name: 'sharpness', role: 'confounder', ...factor }], changes },
        ...{ spatial: [sharp.length], logOdds: [0, 1] },
      });
    expect(found(named(sample, 'sharpness')!)).toMatchObject({ covered: 0, factors: [{ effect: 1 }] });
    expect(found(named(sample, 'sharpness')!).factors[0]!.region).toBeUndefined();
  },
);

test('with the sharp kernel, the scan with and without a lesion differ near it alone', async () => {
  const scan = { physics: 'projection', thickness: 1 };
  const sample = positive(await samplesOf({ ...asked, patients: 2, sharpness: 1, ...scan }));
  const [whole, none] = [await pixels(sample), await pixels(sample, 'no-lesion')];
  const same = whole.reduce((count, hu, p) => count + (hu === none[p] ? 1 : 0), 0);
  expect(same / whole.length).toBeGreaterThan(0.5);
  expect(same).toBeLessThan(whole.length);
});

test.each([
  [{ sharpness: 1, physics: 'projection', kernel: 'mixed' }, /kernel cannot be mixed/],
  [{ distractors: 2, letter: 1, table: 1, line: 1 }, /at most 4 together; these are 5/],
  [{ line: 1.5 }, /1/],
])('refuses %j', (options, message) => {
  expect(() => phantom.options.parse(options)).toThrow(message);
});
