import { beforeAll, describe, expect, test } from 'vitest';
import type { Sample } from '../../../src/core/contracts/index.ts';
import { phantom } from '../../../src/data/readers/phantom.ts';

const asked = { seed: 'factors', patients: 6, slices: 1, size: 96 };
let samples: Sample[];
let plain: Sample[];

async function samplesOf(options: object): Promise<Sample[]> {
  const found: Sample[] = [];
  for await (const sample of (await phantom.open(options, { base: '.' })).samples()) found.push(sample);
  return found;
}

const pixels = async (sample: Sample, variant?: string) => (await sample.load(undefined, variant)).source.pixels.data;
const sumOfSizes = (a: Float32Array, b: Float32Array) => a.reduce((sum, v, p) => sum + Math.abs(v - b[p]!), 0);
const factorsOf = (sample: Sample, role: string) => sample.factors!.filter(f => f.role === role).map(f => f.name);

beforeAll(async () => {
  samples = await samplesOf({ ...asked, distractors: 1, letter: 1 });
  plain = await samplesOf(asked);
});

describe('factors of the phantom', () => {
  test('without the options pixels and digest are as ever, and the lesions can be left out', async () => {
    const { digest } = await phantom.open({}, { base: '.' });
    expect(digest).toBe('998e4c5a6d79053c');
    expect(plain[0]!.variants).toEqual(['no-lesion']);
    expect(plain[0]!.factors).toBeUndefined();
    const only = await samplesOf({ ...asked, factors: true });
    expect(await pixels(only[0]!)).toEqual(await pixels(plain[0]!));
  });

  test('there are at most five, and every subset of them is a variant', () => {
    for (const { factors = [], variants = [] } of samples) {
      expect(factors.length).toBeLessThanOrEqual(5);
      expect(new Set(variants).size).toBe(2 ** factors.length);
    }
  });

  test('positives have lesions; a distractor is there in positives and negatives alike', () => {
    for (const sample of samples.filter(s => s.label === 'covid')) {
      expect(factorsOf(sample, 'lesion').length).toBeGreaterThan(0);
    }
    const shares = ['covid', 'non-covid'].map(label => {
      const of = samples.filter(s => s.label === label);
      return of.filter(s => factorsOf(s, 'distractor').length === 1).length / of.length;
    });
    for (const share of shares) expect(share).toBeGreaterThan(0.6);
  });

  test('a distractor changes as much as a lesion, elsewhere', async () => {
    let compared = 0;
    for (const sample of samples) {
      const [distractor] = factorsOf(sample, 'distractor');
      const lesions = factorsOf(sample, 'lesion');
      if (!distractor || lesions.length === 0) continue;
      const whole = await pixels(sample);
      const other = await pixels(sample, `without:${distractor}`);
      const change = sumOfSizes(whole, other);
      const sizes: number[] = [];
      for (const name of lesions) {
        const without = await pixels(sample, `without:${name}`);
        sizes.push(sumOfSizes(whole, without));
        whole.forEach((v, p) => {
          if (Math.abs(v - other[p]!) > 1) expect(Math.abs(v - without[p]!)).toBeLessThan(1);
        });
      }
      // The cut at −1024 HU takes a little of it.
      expect(Math.min(...sizes.map(s => Math.abs(s / change - 1)))).toBeLessThan(0.03);
      compared++;
    }
    expect(compared).toBeGreaterThan(1);
  });

  test('two variants differ by the factor alone: the order of switching does not matter', async () => {
    const sample = samples.find(s => factorsOf(s, 'lesion').length > 0 && factorsOf(s, 'distractor').length > 0)!;
    const [lesion, distractor] = [factorsOf(sample, 'lesion')[0]!, 'distractor-1'];
    const [whole, noLesion, noDistractor, neither] = await Promise.all([
      pixels(sample),
      pixels(sample, `without:${lesion}`),
      pixels(sample, `without:${distractor}`),
      pixels(sample, `without:${lesion}+${distractor}`),
    ]);
    whole.forEach((v, p) => {
      if (Math.min(v, noLesion[p]!, noDistractor[p]!, neither[p]!) <= -1024) return;
      expect(v - noLesion[p]!).toBeCloseTo(noDistractor[p]! - neither[p]!, 2);
    });
  });

  test('without any lesion there is no mask; without one, a smaller one', async () => {
    const sample = samples.find(s => s.label === 'covid')!;
    const area = async (variant?: string) => (await sample.load(undefined, variant)).mask!.data.reduce((a, b) => a + b);
    expect(await area('no-lesion')).toBe(0);
    expect(await area('without:lesion-1')).toBeLessThan(await area());
  });

  test('the letter agrees with the label as often as asked', async () => {
    for (const sample of samples) {
      expect(factorsOf(sample, 'confounder').length).toBe(sample.label === 'covid' ? 1 : 0);
    }
    const even = await samplesOf({ ...asked, size: 64, patients: 24, letter: 0.5 });
    const agree = even.filter(s => (factorsOf(s, 'confounder').length === 1) === (s.label === 'covid')).length;
    // Binomial of 24 and a half: 0.003 beyond either end.
    expect(agree).toBeGreaterThanOrEqual(6);
    expect(agree).toBeLessThanOrEqual(18);
  });

  test('the edge of the table lies in the air below the body, changes nothing else, and agrees as often as asked', async () => {
    const always = await samplesOf({ ...asked, table: 1 });
    const never = await samplesOf({ ...asked, table: 0 });
    for (const [k, sample] of always.entries()) {
      const has = sample.label === 'covid';
      expect(factorsOf(sample, 'confounder')).toEqual(has ? ['table'] : []);
      expect(factorsOf(never[k]!, 'confounder')).toEqual(has ? [] : ['table']);
      if (!has) continue;
      const [whole, without] = [await pixels(sample), await pixels(sample, 'without:table')];
      const rows = new Set<number>();
      whole.forEach((hu, p) => {
        if (Math.abs(hu - without[p]!) <= 10) return;
        rows.add(Math.floor(p / 96));
        expect(without[p]).toBeLessThan(-700);
        expect(hu).toBeGreaterThan(-500);
      });
      // 3 mm, below all that is body.
      expect(rows.size).toBe(1);
      const body = without.findLastIndex(hu => hu > -500);
      expect(Math.min(...rows)).toBeGreaterThanOrEqual(Math.floor(body / 96));
    }
  });

  test('a variant that is not there is refused by name', async () => {
    await expect(samples[0]!.load(undefined, 'without:kernel')).rejects.toThrow(/no variant 'without:kernel'/);
    await expect(plain[0]!.load(undefined, 'without:lesion-1')).rejects.toThrow(/no variant/);
  });
});
