import { describe, expect, it } from 'vitest';
import { bodyMask } from '../../src/core/image/body.ts';
import { type Tensor, tensor } from '../../src/core/tensor.ts';

const picture = (rows: readonly string[]): Tensor =>
  tensor(
    [rows.length, rows[0]!.length],
    Float32Array.from(rows.join(''), c => (c === '.' ? 0 : 0.7)),
  );
const shown = (mask: Tensor): string[] => {
  const w = mask.shape[1]!;
  return Array.from({ length: mask.shape[0]! }, (_, y) =>
    [...mask.data.subarray(y * w, (y + 1) * w)].map(v => (v ? '#' : '.')).join(''),
  );
};

describe('bodyMask', () => {
  it('holds the lungs, which are as dark as the air outside', () => {
    const view = picture(['.......', '.#####.', '.#..##.', '.#.#.#.', '.#####.', '.......']);
    expect(shown(bodyMask(view))).toEqual(['.......', '.#####.', '.#####.', '.#####.', '.#####.', '.......']);
  });

  it('is the whole image where the image is cropped inside the body, or all dark', () => {
    expect(shown(bodyMask(picture(['###', '#.#', '###'])))).toEqual(['###', '###', '###']);
    expect(shown(bodyMask(picture(['...', '...'])))).toEqual(['###', '###']);
  });

  it('leaves the view as it is', () => {
    const view = picture(['..', '.#']);
    const before = view.data.slice();
    bodyMask(view);
    expect(view.data).toEqual(before);
  });
});
