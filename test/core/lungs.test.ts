import { expect, it } from 'vitest';
import { localMedian } from '../../src/core/image/local-median.ts';
import { innerAir, lungMask, lungShare } from '../../src/core/image/lungs.ts';
import { mirrorAxis } from '../../src/core/image/mirror-axis.ts';
import { closed, withoutHoles } from '../../src/core/image/morphology.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';

const drawn = (rows: readonly string[]): Tensor =>
  tensor(
    [rows.length, rows[0]!.length],
    Float32Array.from(rows.join(''), c => (c === '#' ? 1 : 0)),
  );
const shown = ({ shape, data }: Tensor): string[] =>
  Array.from({ length: shape[0]! }, (_, y) =>
    [...data.subarray(y * shape[1]!, (y + 1) * shape[1]!)].map(v => (v ? '#' : '.')).join(''),
  );

it('closing fills holes, and gaps that the disc does not fit into, and nothing else', () => {
  const ring = drawn(['.......', '.#####.', '.#...#.', '.#####.', '.......']);
  expect(shown(withoutHoles(ring))).toEqual(['.......', '.#####.', '.#####.', '.#####.', '.......']);
  const gap = drawn(['...........', '.####.####.', '.####.####.', '.####.####.', '...........']);
  expect(shown(closed(gap, 1.5))[2]).toBe('.#########.');
  const far = drawn(['..........', '.##....##.', '.##....##.', '..........']);
  expect(shown(closed(far, 1))).toEqual(shown(far));
  expect(shown(closed(tensor([3, 3]), 2))).toEqual(['...', '...', '...']);
});

it('the mirror axis is that of the outline, of equals the nearest to the centre', () => {
  expect(mirrorAxis(drawn(['..####....', '..####....']))).toBe(7);
  expect(mirrorAxis(drawn(['.#####....', '...#......']))).toBe(6);
  expect(mirrorAxis(tensor([2, 6]))).toBe(5);
});

it('the local median is of the mask alone', () => {
  const image = tensor([1, 5], Float32Array.of(1, 50, 3, 900, 5));
  const where = tensor([1, 5], Float32Array.of(1, 1, 1, 0, 1));
  expect([...localMedian(image, where, [0, 1]).data]).toEqual([1, 3, 3, 900, 5]);
});

it('lungs: air within the body with the lesions in it; bowel gas and the air outside are none', () => {
  const [h, w] = [40, 60];
  const inside = (y: number, x: number, cy: number, cx: number, r: number) => (y - cy) ** 2 + (x - cx) ** 2 <= r * r;
  const hu = tensor(
    [h, w],
    Float32Array.from({ length: h * w }, (_, i) => {
      const [y, x] = [Math.floor(i / w), i % w];
      if (inside(y, x, 20, 17, 3)) return -100;
      if (inside(y, x, 20, 17, 9) || inside(y, x, 20, 43, 9)) return -850;
      if (inside(y, x, 20, 30, 1)) return -900;
      return y > 3 && y < 36 && x > 3 && x < 56 ? 40 : -1000;
    }),
  );
  const lungs = lungMask(hu, [6, 6]);
  const at = (y: number, x: number) => lungs.data[y * w + x];
  expect([at(20, 17), at(20, 10), at(20, 43), at(20, 30), at(0, 0), at(6, 6)]).toEqual([1, 1, 1, 0, 0, 0]);
  const { air } = innerAir(hu);
  expect(air.data[20 * w + 17]).toBe(0);
  expect(lungShare(hu)).toBeCloseTo(air.data.reduce((a, b) => a + b, 0) / (32 * 52), 6);
});
