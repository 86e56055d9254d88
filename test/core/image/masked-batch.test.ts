import { expect, it } from 'vitest';
import { maskedBatch, segmentMeans } from '../../../src/core/image/masked-batch.ts';
import { segmentPixels } from '../../../src/core/image/segmentation.ts';
import { filled, tensor } from '../../../src/core/tensor.ts';

const segments = segmentPixels({ shape: [2, 2], labels: Int32Array.of(0, 1, 0, 1), count: 2 });
const image = tensor([2, 2, 2], Float32Array.of(1, 10, 2, 20, 3, 30, 4, 40));

it('shows the fill where a segment is off', () => {
  const batch = maskedBatch({ image, fill: filled([2, 2, 2], -1), segments, design: [1, 1, 0, 1, 0, 0] });
  const rows = Array.from({ length: batch.count }, (_, i) => {
    const out = new Float32Array(8).fill(Number.NaN);
    batch.write(i, out);
    return [...out];
  });
  expect(rows).toEqual([
    [1, 10, 2, 20, 3, 30, 4, 40],
    [-1, -1, 2, 20, -1, -1, 4, 40],
    [-1, -1, -1, -1, -1, -1, -1, -1],
  ]);
});

it('takes the mean of each segment, channel by channel', () => {
  expect([...segmentMeans(image, segments).data]).toEqual([2, 20, 3, 30, 2, 20, 3, 30]);
});
