import { attr, constant, read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';

/** y = blocks [n, c · block, positions] added up where they lie: g read at the pixels of each block, 0 in the padding. */
export const col2Im = defineRule('Col2Im', site => {
  const { e, node, g } = site;
  return [
    () => {
      const [image, block] = [site.numbers(1)!, site.numbers(2)!];
      const axes = image.map((_, i) => i);
      const strides = read.ints(node, 'strides') ?? axes.map(() => 1);
      const dilations = read.ints(node, 'dilations') ?? axes.map(() => 1);
      const pads = read.ints(node, 'pads') ?? axes.flatMap(() => [0, 0]);
      const positions = axes.map(i => {
        const free = image[i]! + pads[i]! + pads[i + image.length]! - dilations[i]! * (block[i]! - 1) - 1;
        return Math.floor(free / strides[i]!) + 1;
      });
      const pixels = product(image);
      const indices: number[] = [];
      for (let b = 0; b < product(block); b++) {
        for (let p = 0; p < product(positions); p++) {
          const [at, start] = [coordinates(b, block), coordinates(p, positions)];
          const pixel = axes.map(i => start[i]! * strides[i]! + at[i]! * dilations[i]! - pads[i]!);
          const inside = axes.every(i => pixel[i]! >= 0 && pixel[i]! < image[i]!);
          // Behind the last pixel stands a zero.
          indices.push(inside ? axes.reduce((flat, i) => flat * image[i]! + pixel[i]!, 0) : pixels);
        }
      }
      const y = site.dims(site.y());
      const flat = e.pad(e.reshape(g, [y[0]!, y[1]!, pixels], y), [0, 0, 0], [0, 0, 1]);
      const gathered = e.op('Gather', [flat, e.builder.constant(constant.ints(indices))], { axis: attr.int(2) });
      return site.reshapeLike(gathered, site.x(), [y[0]!, y[1]!, indices.length]);
    },
  ];
});

function product(values: readonly number[]): number {
  return values.reduce((a, b) => a * b, 1);
}

function coordinates(flat: number, shape: readonly number[]): number[] {
  let rest = flat;
  return shape
    .toReversed()
    .map(size => {
      const at = rest % size;
      rest = Math.floor(rest / size);
      return at;
    })
    .toReversed();
}
