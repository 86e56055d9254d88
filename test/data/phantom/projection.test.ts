import { beforeAll, describe, expect, test } from 'vitest';
import type { Sample } from '../../../src/core/contracts/index.ts';
import { distanceTo } from '../../../src/core/image/distance.ts';
import { createRng } from '../../../src/core/rng.ts';
import { tensor } from '../../../src/core/tensor.ts';
import { regionOf } from '../../../src/core/truth/regions.ts';
import { inverseFft2 } from '../../../src/data/phantom/noise.ts';
import { AXIS_BIN, angleOf, OBJECT_FRAME, SCAN, WATER } from '../../../src/data/phantom/projection/geometry.ts';
import { kernelWindow } from '../../../src/data/phantom/projection/kernels.ts';
import { noiseOfOnePhoton, photonNoise } from '../../../src/data/phantom/projection/photons.ts';
import { poisson } from '../../../src/data/phantom/projection/poisson.ts';
import { project } from '../../../src/data/phantom/projection/projector.ts';
import { reconstruction } from '../../../src/data/phantom/projection/reconstruction.ts';
import type { Kernel } from '../../../src/data/phantom/scan-options.ts';
import { phantom, phantomSlices, renderPhantom } from '../../../src/data/readers/phantom.ts';

/** Line integrals of a disc of water, by Pythagoras. */
function discViews(radius: number, x = 0, y = 0): Float32Array {
  return Float32Array.from({ length: SCAN.views * SCAN.bins }, (_, k) => {
    const angle = angleOf(Math.floor(k / SCAN.bins));
    const s = ((k % SCAN.bins) - AXIS_BIN) * SCAN.bin - x * Math.cos(angle) - y * Math.sin(angle);
    return 2 * Math.sqrt(Math.max(0, radius ** 2 - s ** 2));
  });
}

const squareFrame = (size: number, spacing: number) => ({
  size,
  spacing,
  x0: (-(size - 1) / 2) * spacing,
  y0: (-(size - 1) / 2) * spacing,
});

describe('projections', () => {
  test('of a disc are its chords', () => {
    const { size, spacing, x0, y0 } = OBJECT_FRAME;
    const [radius, x, y] = [100, 30, -20];
    const disc = Float32Array.from({ length: size ** 2 }, (_, p) => {
      const r = Math.hypot(x0 + (p % size) * spacing - x, y0 + Math.floor(p / size) * spacing - y);
      return Math.min(1, Math.max(0, 0.5 + (radius - r) / spacing));
    });
    const [found, chords] = [project(disc, OBJECT_FRAME), discViews(radius, x, y)];
    let [most, squares] = [0, 0];
    found.forEach((v, k) => {
      // At the rim a chord's length changes by 10 mm within a bin.
      if (chords[k]! > 40) most = Math.max(most, Math.abs(v - chords[k]!));
      squares += (v - chords[k]!) ** 2 / found.length;
    });
    expect(most).toBeLessThan(1);
    expect(Math.sqrt(squares)).toBeLessThan(0.2);
  });

  test('of a change in a corner are those of the whole less those of the rest', () => {
    const rng = createRng('corner');
    const frame = squareFrame(64, 3);
    const whole = Float32Array.from({ length: 64 * 64 }, () => rng.next());
    const change = whole.map((v, p) => (p % 64 < 9 && p > 64 * 50 && p < 64 * 60 ? v : 0));
    const rest = project(
      whole.map((v, p) => v - change[p]!),
      frame,
    );
    const part = project(change, frame);
    const worst = project(whole, frame).reduce((most, v, k) => Math.max(most, Math.abs(v - rest[k]! - part[k]!)), 0);
    expect(worst).toBeLessThan(1e-4);
  });
});

describe('reconstruction', () => {
  test.each(['soft', 'sharp'] as const)('with the %s kernel water is 0 HU and air −1000', kernel => {
    const frame = squareFrame(96, 4);
    const image = reconstruction(kernel, frame).image(discViews(120));
    image.forEach((v, p) => {
      const r = Math.hypot(frame.x0 + (p % 96) * 4, frame.y0 + Math.floor(p / 96) * 4);
      const hu = 1000 * (v - 1);
      if (r < 105) expect(Math.abs(hu)).toBeLessThan(4);
      if (r > 135) expect(Math.abs(hu + 1000)).toBeLessThan(8);
    });
  });

  test('where a part of the image is wanted, it is that part', () => {
    const frame = squareFrame(48, 6);
    const within = Uint8Array.from({ length: 48 * 48 }, (_, p) => (p % 48 > 20 && p % 7 > 0 && p > 400 ? 1 : 0));
    const { image } = reconstruction('soft', frame);
    const whole = image(discViews(100, 20, 10));
    image(discViews(100, 20, 10), within).forEach((v, p) => {
      expect(Math.abs(v - (within[p] === 1 ? whole[p]! : 0))).toBeLessThan(1e-6);
    });
  });
});

describe('counted photons', () => {
  test.each([0.4, 6, 11, 75, 3000])('have the distribution of Poisson with mean %f', mean => {
    const rng = createRng(`poisson ${mean}`);
    const n = 20_000;
    const counts = new Map<number, number>();
    let [sum, squares] = [0, 0];
    for (let k = 0; k < n; k++) {
      const count = poisson(rng, mean);
      counts.set(count, (counts.get(count) ?? 0) + 1);
      sum += count;
      squares += (count - mean) ** 2;
    }
    // Four standard errors.
    expect(Math.abs(sum / n - mean)).toBeLessThan(4 * Math.sqrt(mean / n));
    expect(Math.abs(squares / n / mean - 1)).toBeLessThan(4 * Math.sqrt((2 + 1 / mean) / n));
    // Pearson's χ² over bins of a fifth of an SD and more; the probabilities by recursion.
    const width = Math.max(1, Math.round(Math.sqrt(mean) / 5));
    const bins = new Map<number, { expected: number; found: number }>();
    let log = -mean;
    for (let count = 0; count < mean + 12 * Math.sqrt(mean) + 12; count++) {
      if (count > 0) log += Math.log(mean / count);
      const bin = bins.get(Math.floor(count / width)) ?? { expected: 0, found: 0 };
      bin.expected += n * Math.exp(log);
      bin.found += counts.get(count) ?? 0;
      bins.set(Math.floor(count / width), bin);
    }
    const used = [...bins.values()].filter(b => b.expected >= 5);
    const chi2 = used.reduce((total, b) => total + (b.found - b.expected) ** 2 / b.expected, 0);
    expect(chi2).toBeLessThan(used.length + 4 * Math.sqrt(2 * used.length));
  });
});

describe('noise of a disc of water', () => {
  const size = 128;
  const photons = 20_000;
  const views = discViews(100);

  /** Reconstructions of noise alone. */
  function noiseImages(kernel: Kernel, spacing: number, count: number): Float64Array[] {
    const { image } = reconstruction(kernel, squareFrame(size, spacing));
    return Array.from({ length: count }, (_, k) => image(photonNoise(createRng(`water ${k}`), views, photons)));
  }

  /** mm: within it the chords are nearly as long as through the middle. */
  const central = (image: Float64Array, spacing: number): number[] =>
    [...image].filter((_, p) => Math.hypot((p % size) - 63.5, Math.floor(p / size) - 63.5) * spacing < 12);

  test.each(['soft', 'sharp'] as const)('has the SD that the dose and the %s kernel give', kernel => {
    const spacing = 0.2;
    const values = noiseImages(kernel, spacing, 2).flatMap(image => central(image, spacing));
    const found = 1000 * Math.sqrt(values.reduce((sum, v) => sum + v * v, 0) / values.length);
    const law = noiseOfOnePhoton(views, kernel) / Math.sqrt(photons);
    // Neighbouring pixels are correlated, so two images are some 2,000 independent values.
    expect(Math.abs(found / law - 1)).toBeLessThan(0.06);
    // The law once more, in space: variance of each filtered view by the squares of the filter's taps.
    const taps = Array.from({ length: 801 }, (_, k) => tap(kernel, k - 400));
    const at = (shift: number) => taps.reduce((sum, t, k) => sum + t * (taps[k + shift] ?? 0), 0);
    const interpolated = (2 * at(0) + at(1)) / 3;
    const ray = Math.exp(WATER * 200) / photons / WATER ** 2;
    const bySpace = 1000 * (Math.PI / SCAN.views) * Math.sqrt(SCAN.views * ray * interpolated);
    expect(Math.abs(law / bySpace - 1)).toBeLessThan(0.01);
    // Half the photons: √2 the noise.
    expect(noiseOfOnePhoton(views, kernel) / Math.sqrt(photons / 2) / law).toBeCloseTo(Math.SQRT2, 9);
  });

  /** Taps of the filter times the bin: the inverse transform of |f| W(f), by a midpoint sum. */
  function tap(kernel: Kernel, k: number): number {
    const n = 4000;
    const nyquist = 0.5 / SCAN.bin;
    let sum = 0;
    for (let i = 0; i < n; i++) {
      const f = ((i + 0.5) / n) * nyquist;
      sum += f * kernelWindow(kernel, f) * Math.cos(2 * Math.PI * f * k * SCAN.bin);
    }
    return ((2 * nyquist) / n) * sum * SCAN.bin;
  }

  test('the sharp kernel has about four times the SD of the soft one', () => {
    // 48 to 11.5 HU.
    const ratio = noiseOfOnePhoton(views, 'sharp') / noiseOfOnePhoton(views, 'soft');
    expect(ratio).toBeGreaterThan(3.8);
    expect(ratio).toBeLessThan(4.5);
  });

  test.each([
    ['soft', 0.12, 0.3],
    ['sharp', 0.35, 0.5],
  ] as const)(
    'the %s kernel’s power spectrum peaks between %f and %f cycles/mm, and is f W² sinc⁴',
    (kernel, low, high) => {
      const spacing = 0.7;
      const bins = Array.from({ length: size / 2 }, () => ({ sum: 0, n: 0 }));
      for (const image of noiseImages(kernel, spacing, 6)) {
        const [re, im] = [Float32Array.from(image), new Float32Array(size * size)];
        inverseFft2(re, im, size);
        re.forEach((v, p) => {
          const [u, w] = [p % size, Math.floor(p / size)].map(k => Math.min(k, size - k)) as [number, number];
          const bin = bins[Math.round(Math.hypot(u, w))];
          if (!bin) return;
          // What the means over pixels take away is given back.
          const pixel = sinc(u / size) * sinc(w / size);
          bin.sum += (v * v + im[p]! ** 2) / pixel ** 2;
          bin.n++;
        });
      }
      const found = bins.map(({ sum, n }, k) => ({ f: k / (size * spacing), power: sum / n })).slice(2, 60);
      const smooth = found.map(({ f }, k) => {
        const near = found.slice(Math.max(0, k - 1), k + 2);
        return { f, power: near.reduce((sum, b) => sum + b.power, 0) / near.length };
      });
      const top = smooth.reduce((a, b) => (b.power > a.power ? b : a));
      expect(top.f).toBeGreaterThan(low);
      expect(top.f).toBeLessThan(high);
      const shape = (f: number) => f * kernelWindow(kernel, f) ** 2 * sinc(f * SCAN.bin) ** 4;
      const used = smooth.filter(b => b.f > 0.05 && b.f < 0.58 && shape(b.f) > 0.2 * shape(top.f));
      const scale = used.reduce((sum, b) => sum + b.power, 0) / used.reduce((sum, b) => sum + shape(b.f), 0);
      for (const { f, power } of used) expect(Math.abs(power / (scale * shape(f)) - 1)).toBeLessThan(0.25);
      if (kernel !== 'soft') return;
      // It has fallen by 0.5 cycles/mm.
      for (const { power } of smooth.filter(b => b.f > 0.5)) expect(power / top.power).toBeLessThan(0.1);
    },
  );

  const sinc = (t: number) => (t === 0 ? 1 : Math.sin(Math.PI * t) / (Math.PI * t));
});

describe('the scanned phantom', () => {
  const asked = { seed: 'scan', patients: 2, slices: 1, size: 96, physics: 'projection' };
  // One plane: what thickness does is tested apart.
  const thin = { ...asked, thickness: 1 };
  let samples: Sample[];
  const samplesOf = async (options: object) => {
    const found: Sample[] = [];
    for await (const s of (await phantom.open(phantom.options.parse(options), { base: '.' })).samples()) found.push(s);
    return found;
  };
  const pixels = async (sample: Sample, variant?: string) => (await sample.load(undefined, variant)).source.pixels.data;

  beforeAll(async () => {
    samples = await samplesOf({ ...thin, distractors: 1, letter: 1 });
  });

  test('a pair differs by the factor alone, within 20 mm of it', async () => {
    const sample = samples.find(s => s.label === 'covid')!;
    const whole = await pixels(sample);
    const sums = new Map<string, number>();
    for (const { name } of sample.factors!) {
      const other = await pixels(sample, `without:${name}`);
      const change = whole.map((v, p) => v - other[p]!);
      const region = regionOf(change)!;
      const changed = [...change.keys()].filter(p => change[p] !== 0);
      // No noise in it: HU of the factor where it is, next to nothing elsewhere, nothing at all far away.
      const [inside, outside] = [0, 1].map(side =>
        changed.reduce((sum, p) => sum + (region[p] === side ? 0 : Math.abs(change[p]!)), 0),
      ) as [number, number];
      expect(outside).toBeLessThan(0.05 * (inside + outside));
      const distance = distanceTo(tensor([96, 96], region));
      for (const p of changed) expect(distance[p]! * 3.3).toBeLessThan(45);
      sums.set(name, inside + outside);
    }
    expect(Math.abs(sums.get('distractor-1')! / sums.get('lesion-1')! - 1)).toBeLessThan(0.05);
  });

  test('the order of switching does not matter, save for streaks of a few HU', async () => {
    const sample = samples.find(s => s.label === 'covid')!;
    const [whole, noLesion, noDistractor, neither] = await Promise.all([
      pixels(sample),
      pixels(sample, 'without:lesion-1'),
      pixels(sample, 'without:distractor-1'),
      pixels(sample, 'without:lesion-1+distractor-1'),
    ]);
    whole.forEach((v, p) => {
      if (Math.min(v, noLesion[p]!, noDistractor[p]!, neither[p]!) <= -1024) return;
      expect(Math.abs(v - noLesion[p]! - (noDistractor[p]! - neither[p]!))).toBeLessThan(3);
    });
  });

  test('the noise stays with the patient: without factors and without lesions it is the same', async () => {
    const [plain] = await samplesOf({ ...thin, patients: 1 });
    const [factored] = await samplesOf({ ...thin, patients: 1, factors: true });
    expect(await pixels(plain!)).toEqual(await pixels(factored!));
    expect(await pixels(plain!, 'no-lesion')).toEqual(await pixels(factored!, 'no-lesion'));
  });

  test('the same seed gives the same pixels, and the patient is the same at another size and with another kernel', () => {
    const draw = (o: object) => {
      const options = { ...thin, split: 'test', patients: 1, ...o };
      return renderPhantom(phantomSlices(options as Parameters<typeof phantomSlices>[0])[0]!);
    };
    const first = draw({});
    expect(draw({}).hu).toEqual(first.hu);
    const fine = draw({ size: 192 });
    const coarse = Float32Array.from({ length: 96 * 96 }, (_, p) => {
      const q = 2 * Math.floor(p / 96) * 192 + 2 * (p % 96);
      return (fine.hu[q]! + fine.hu[q + 1]! + fine.hu[q + 192]! + fine.hu[q + 193]!) / 4;
    });
    const differences = coarse.map((v, p) => (Math.max(v, first.hu[p]!) > -1000 ? v - first.hu[p]! : 0));
    expect(Math.sqrt(differences.reduce((sum, v) => sum + v * v, 0) / differences.length)).toBeLessThan(12);
    expect(draw({ kernel: 'sharp' }).mask).toEqual(first.mask);
  });

  test('soft tissue has 18 to 29 HU of noise by default, and as asked where photons are given', async () => {
    const photonsOf = (photons: number | undefined) => ({ kernel: 'soft' as const, thickness: 1, photons });
    // The same patient at several doses: the difference from the noiseless picture is noise.
    const [entry] = phantomSlices({ ...asked, split: 'test', size: 192, physics: 'projection' });
    const drawn = (photons: number | undefined) =>
      renderPhantom({ ...entry!, spec: { ...entry!.spec, projection: photonsOf(photons) } }).hu;
    const noiseless = drawn(1e7);
    const heart = [...noiseless.keys()].filter(p => {
      const [x, y] = [(p % 192) - 96, Math.floor(p / 192) - 88];
      return Math.hypot(x, y) < 15;
    });
    const sd = (hu: Float32Array) =>
      Math.sqrt(heart.reduce((sum, p) => sum + (hu[p]! - noiseless[p]!) ** 2, 0) / heart.length);
    // Pixels of 1.9 mm average some of it away.
    expect(sd(drawn(undefined))).toBeGreaterThan(0.5 * 18);
    expect(sd(drawn(undefined))).toBeLessThan(29);
    const ratio = sd(drawn(4000)) / sd(drawn(16_000));
    expect(ratio).toBeGreaterThan(1.6);
    expect(ratio).toBeLessThan(2.4);
  });

  test('its digest and its name tell how it was scanned', async () => {
    const open = (o: object) => phantom.open(phantom.options.parse({ ...asked, ...o }), { base: '.' });
    expect((await open({})).name).toBe('phantom v3 (test), soft kernel, 2 mm');
    expect((await open({ photons: 5000, kernel: 'sharp' })).name).toContain('sharp kernel, 2 mm, 5000 photons');
    const digests = await Promise.all(
      [{}, { kernel: 'sharp' }, { kernel: 'mixed' }, { thickness: 5 }, { photons: 5000 }, { physics: 'none' }].map(
        async o => (await open(o)).digest,
      ),
    );
    expect(new Set(digests).size).toBe(6);
    // A default that is spelt out is the same data.
    expect((await open({ kernel: 'soft', thickness: 2 })).digest).toBe(digests[0]);
  });

  test('options of the scan are refused without one', () => {
    expect(() => phantom.options.parse({ kernel: 'sharp' })).toThrow(/kernel goes with physics: projection/);
  });
});
