import { beforeAll, describe, expect, test } from 'vitest';
import type { Sample } from '../../src/core/contracts/index.ts';
import type { PhantomSlice } from '../../src/data/phantom/slice.ts';
import { phantom, phantomSlices, renderPhantom } from '../../src/data/readers/phantom.ts';

const options = { seed: 'test', split: 'train' as const, patients: 60, slices: 1, size: 128 };
type Drawn = PhantomSlice & { label: string };
let drawn: Drawn[];

beforeAll(() => {
  drawn = phantomSlices(options).map(entry => ({ ...renderPhantom(entry), label: entry.spec.label }));
});

const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
const of = (label: string) => drawn.filter(d => d.label === label);

/** Where a histogram of pooled pixels peaks between two HU values, 5 HU bins. */
function peak(slices: readonly PhantomSlice[], low: number, high: number): number {
  const bins = new Array<number>(Math.ceil((high - low) / 5)).fill(0);
  for (const { hu } of slices) for (const v of hu) if (v >= low && v < high) bins[Math.floor((v - low) / 5)]!++;
  return low + 5 * bins.indexOf(Math.max(...bins)) + 2.5;
}

describe('phantom', () => {
  test('half of the patients are positive, and only they have masks', () => {
    expect(of('covid')).toHaveLength(30);
    for (const d of of('non-covid')) expect(d.mask.every(v => v === 0)).toBe(true);
    const withLesions = of('covid').filter(d => d.mask.some(v => v === 1));
    expect(withLesions.length).toBeGreaterThan(27);
  });

  test('60 % of the negatives have another disease', () => {
    const many = phantomSlices({ ...options, patients: 300, size: 64 }).filter(e => e.spec.label === 'non-covid');
    const normal = many.filter(e => renderPhantom(e).disease === 'normal').length / many.length;
    expect(normal).toBeGreaterThan(0.3);
    expect(normal).toBeLessThan(0.5);
  });

  test('histogram peaks lie where CT has them', () => {
    const normal = drawn.filter(d => d.disease === 'normal');
    expect(peak(normal, -1030, -960)).toBeCloseTo(-1000, -1.3);
    expect(peak(normal, -940, -700)).toBeGreaterThan(-905);
    expect(peak(normal, -940, -700)).toBeLessThan(-825);
    expect(peak(normal, -160, -60)).toBeGreaterThan(-118);
    expect(peak(normal, -160, -60)).toBeLessThan(-88);
    expect(peak(normal, 0, 100)).toBeGreaterThan(25);
    expect(peak(normal, 0, 100)).toBeLessThan(60);
  });

  test('normal lungs have the median and the spread of real ones', () => {
    const lungs = drawn.filter(d => d.disease === 'normal');
    const medians = lungs.map(d => median([...d.hu].filter((_, p) => d.lung[p]! > 0.99)));
    for (const m of medians) {
      expect(m).toBeGreaterThan(-915);
      expect(m).toBeLessThan(-820);
    }
  });

  test('brightness does not tell the positives from the diseased negatives', () => {
    const ill = drawn.filter(d => d.label === 'non-covid' && d.disease !== 'normal' && d.disease !== 'emphysema');
    const dense = (d: Drawn) => {
      let n = 0;
      d.hu.forEach((v, p) => {
        if (d.lung[p]! > 0.99 && v > -750) n++;
      });
      return (n * d.spacing ** 2) / 100;
    };
    const [a, b] = [of('covid').map(dense), ill.map(dense)];
    let wins = 0;
    for (const x of a) for (const y of b) wins += x > y ? 1 : x === y ? 0.5 : 0;
    const auc = wins / (a.length * b.length);
    expect(auc).toBeGreaterThan(0.3);
    expect(auc).toBeLessThan(0.7);
  });

  test('the acquisition does not depend on the label', () => {
    const patients = phantomSlices({ ...options, patients: 400, size: 64 });
    const noiseInAir = (label: string) =>
      patients
        .filter(e => e.spec.label === label)
        .slice(0, 60)
        .map(e => {
          const { hu, spacing } = renderPhantom(e);
          const corner = Array.from({ length: 8 }, (_, k) => hu[k]!);
          return { sd: Math.sqrt(mean(corner.map(v => (v - mean(corner)) ** 2))), spacing };
        });
    const [a, b] = [noiseInAir('covid'), noiseInAir('non-covid')];
    for (const key of ['sd', 'spacing'] as const) {
      const [x, y] = [a.map(v => v[key]), b.map(v => v[key])];
      const spread = Math.sqrt((mean(x.map(v => (v - mean(x)) ** 2)) + mean(y.map(v => (v - mean(y)) ** 2))) / 2);
      // Welch's t of 60 against 60.
      expect(Math.abs(mean(x) - mean(y)) / (spread * Math.sqrt(2 / 60))).toBeLessThan(3);
    }
  });

  test('a slice without its lesions differs only near the lesions', () => {
    const entry = phantomSlices(options).find(e => e.spec.label === 'covid')!;
    const [ill, healthy] = [renderPhantom(entry), renderPhantom(entry, false)];
    let [inside, outside] = [0, 0];
    ill.hu.forEach((v, p) => {
      const d = Math.abs(v - healthy.hu[p]!);
      if (ill.lung[p]! === 0) expect(d).toBe(0);
      if (ill.mask[p] === 1) inside += d;
      else outside += d;
    });
    expect(inside).toBeGreaterThan(0);
    expect(outside).toBeLessThan(inside);
  });

  test('the same seed gives the same pixels; splits and seeds give other patients', () => {
    const [first] = phantomSlices(options);
    expect(renderPhantom(first!).hu).toEqual(drawn[0]!.hu);
    const [other] = phantomSlices({ ...options, split: 'test' });
    expect(renderPhantom(other!).hu).not.toEqual(drawn[0]!.hu);
  });

  test('as a data set: ids, patients, labels, masks in HU with spacing', async () => {
    const data = await phantom.open({ patients: 3, slices: 2, size: 64 }, { base: '.' });
    const samples: Sample[] = [];
    for await (const sample of data.samples()) samples.push(sample);
    expect(data.count).toBe(6);
    expect(samples.map(s => s.id)).toEqual([...new Set(samples.map(s => s.id))]);
    expect(new Set(samples.map(s => s.patient)).size).toBe(3);
    const { source, mask } = await samples[0]!.load();
    expect(source.unit).toBe('HU');
    expect(source.pixels.shape).toEqual([64, 64]);
    expect(mask?.shape).toEqual([64, 64]);
    expect(Math.min(...source.pixels.data)).toBeGreaterThanOrEqual(-1024);
    expect(source.spacing![0]).toBeGreaterThan(4);
  });

  test('a slice loaded again is the same, whatever was done to it', async () => {
    const data = await phantom.open({ patients: 1, slices: 1, size: 64 }, { base: '.' });
    const samples: Sample[] = [];
    for await (const sample of data.samples()) samples.push(sample);
    const first = await samples[0]!.load();
    const before = first.source.pixels.data.slice();
    first.source.pixels.data.fill(0);
    first.mask!.data.fill(7);
    const again = await samples[0]!.load();
    expect(again.source.pixels.data).toEqual(before);
    expect(again.mask!.data.every(v => v === 0 || v === 1)).toBe(true);
  });
});
