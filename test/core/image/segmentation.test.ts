import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { quickshift } from '../../../src/core/image/quickshift.ts';
import { gridSegments, type Segmentation, segmentPixels } from '../../../src/core/image/segmentation.ts';
import { slic } from '../../../src/core/image/slic.ts';
import { filled, type Tensor, tensor } from '../../../src/core/tensor.ts';
import { adjustedRand } from './adjusted-rand.ts';
import { golden, goldenIndex } from './golden.ts';

type Parameters = Partial<
  Record<'n_segments' | 'compactness' | 'sigma' | 'kernel_size' | 'max_dist' | 'ratio', number>
>;

interface Index {
  images: { name: string; file: string; scale?: number }[];
  results: { image: string; function: 'slic' | 'quickshift'; parameters: Parameters; file: string }[];
}

const index = goldenIndex<Index>('segmentation/segmentation.json');

function run(image: Tensor, { function: name, parameters: p }: Index['results'][number]): Segmentation {
  return name === 'slic'
    ? slic(image, { segments: p.n_segments!, compactness: p.compactness!, sigma: p.sigma! })
    : quickshift(image, { kernelSize: p.kernel_size!, maxDistance: p.max_dist!, ratio: p.ratio! });
}

describe('segmentations agree with scikit-image', () => {
  it.each(index.results)('$file', result => {
    const { file, scale } = index.images.find(i => i.name === result.image)!;
    const ours = run(golden(`segmentation/${file}`, scale), result);
    const theirs = golden(`segmentation/${result.file}`);
    expect(adjustedRand(ours.labels, theirs.data)).toBeGreaterThanOrEqual(0.9);
  });
});

const images = fc
  .tuple(fc.integer({ min: 1, max: 14 }), fc.integer({ min: 1, max: 14 }))
  .chain(([h, w]) =>
    fc
      .array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: h * w, maxLength: h * w })
      .map(values => tensor([h, w], Float32Array.from(values))),
  );

describe.each<[string, (image: Tensor, n: number) => Segmentation]>([
  ['slic', (image, n) => slic(image, { segments: n, compactness: 0.1, sigma: 1 })],
  ['quickshift', image => quickshift(image, { kernelSize: 2, maxDistance: 5, ratio: 0.5 })],
  ['grid', gridSegments],
])('%s', (name, segment) => {
  it('is a partition with every number in use', () => {
    fc.assert(
      fc.property(images, fc.integer({ min: 1, max: 30 }), (image, n) => {
        const { labels, count, shape } = segment(image, n);
        expect(shape).toEqual(image.shape);
        expect([...new Set(labels)].sort((a, b) => a - b)).toEqual(Array.from({ length: count }, (_, i) => i));
      }),
      { numRuns: 60 },
    );
  });

  it('is the same every time', () => {
    const image = golden('segmentation/texture-64x64.npy');
    expect(segment(image, 40)).toEqual(segment(image, 40));
  });

  it('copes with a constant image', () => {
    const { count } = segment(filled([20, 20], 0.5), 4);
    expect(count).toBeGreaterThan(0);
    if (name !== 'quickshift') expect(count).toBe(4);
  });
});

it('slic gives connected segments', () => {
  const { labels, count, shape } = slic(golden('segmentation/texture-64x64.npy'), {
    segments: 50,
    compactness: 0.1,
    sigma: 0,
  });
  expect(components(labels, shape)).toBe(count);
});

it('grid cuts 64 × 64 into 8 × 8 squares, row by row', () => {
  const { labels, count } = gridSegments(filled([64, 64], 0), 64);
  expect(count).toBe(64);
  expect(labels[0]).toBe(0);
  expect(labels[8]).toBe(1);
  expect(labels[8 * 64]).toBe(8);
  expect(labels[64 * 64 - 1]).toBe(63);
});

it('segmentPixels lists every pixel under its segment', () => {
  const segmentation = { shape: [2, 3] as const, labels: Int32Array.of(1, 0, 1, 2, 2, 1), count: 3 };
  const { start, pixels } = segmentPixels(segmentation);
  expect([...start]).toEqual([0, 1, 4, 6]);
  expect([...pixels]).toEqual([1, 0, 2, 5, 3, 4]);
});

function components(labels: Int32Array, [h, w]: readonly [number, number]): number {
  const seen = new Set<number>();
  let n = 0;
  for (let p = 0; p < h * w; p++) {
    if (seen.has(p)) continue;
    n++;
    const stack = [p];
    seen.add(p);
    for (let q = stack.pop(); q !== undefined; q = stack.pop()) {
      const [y, x] = [Math.floor(q / w), q % w];
      for (const [yy, xx] of [
        [y - 1, x],
        [y + 1, x],
        [y, x - 1],
        [y, x + 1],
      ] as const) {
        const r = yy * w + xx;
        if (yy < 0 || yy >= h || xx < 0 || xx >= w || seen.has(r) || labels[r] !== labels[p]) continue;
        seen.add(r);
        stack.push(r);
      }
    }
  }
  return n;
}
