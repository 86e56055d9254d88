import { attr, DType, read } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

/** Along one axis of the image: the two pixels about each place, their weights, and d place / d grid. */
interface Neighbours {
  readonly low: string;
  readonly high: string;
  /** Weight of the higher pixel. */
  readonly rest: string;
  readonly slope: string;
}

/** One of the pixels that a place reads: where it is, with which weight, and whether it is in the image. */
interface Corner {
  readonly index: string;
  readonly weight: string;
  readonly inside: string;
}

/**
 * y = the image read between its pixels at places given by a grid in −1…1 (Jaderberg et al. 2015, equations 6 and 7): g
 * added up at the pixels with their weights; and, for the grid, the differences between neighbours.
 */
export const gridSample = defineRule('GridSample', site => {
  const { e, node } = site;
  const mode = read.string(node, 'mode', 'linear');
  const padding = read.string(node, 'padding_mode', 'zeros');
  if (site.rank(site.x()) !== 4) site.fail('it samples volumes');
  if (mode !== 'linear' && mode !== 'nearest') site.fail(`mode '${mode}' has no rule`);
  if (padding !== 'zeros' && padding !== 'border') site.fail(`padding '${padding}' has no rule`);
  const [channels, height, width] = site.sizes(site.x(), 1) as [number, number, number];
  const [batch, , rows, columns] = site.dims(site.y());
  const points =
    rows === null || columns === null || rows === undefined || columns === undefined ? null : rows * columns;
  if (points === null) site.fail('the size of its output is not known');

  /** [n, rows, columns] → [n, 1, points] */
  const flat = (t: string) => e.reshape(t, [batch!, 1, points], [batch!, rows!, columns!]);
  const neighbours = (axis: 0 | 1, size: number): Neighbours => {
    const grid = e.squeeze(e.slice(site.x(1), [3], [axis], [axis + 1]), [3]);
    const whole = read.int(node, 'align_corners', 0) !== 0;
    const factor = whole ? (size - 1) / 2 : size / 2;
    let place = flat(e.add(e.mul(grid, factor), whole ? factor : factor - 0.5));
    let slope = e.filledLike(place, factor);
    if (padding === 'border') {
      const inside = e.cast(e.and(e.greater(place, 0), e.less(place, size - 1)));
      slope = e.mul(slope, inside);
      place = e.op('Min', [e.op('Max', [place, 0]), size - 1]);
    }
    if (mode === 'nearest') {
      const at = e.op('Round', [place]);
      return { low: at, high: at, rest: e.filledLike(place, 0), slope };
    }
    const low = e.op('Floor', [place]);
    return { low, high: e.add(low, 1), rest: e.sub(place, low), slope };
  };
  const [x, y] = [neighbours(0, width), neighbours(1, height)];
  const cornerOf = (row: string, column: string, weight: string): Corner => {
    const within = (t: string, size: number) => e.and(e.greater(t, -0.5), e.less(t, size - 0.5));
    const inside = e.cast(e.and(within(row, height), within(column, width)));
    // Outside, any pixel will do: it counts nothing.
    const place = e.mul(inside, e.add(e.mul(row, width), column));
    return { index: e.cast(place, DType.int64), weight, inside };
  };
  const left = e.sub(1, x.rest);
  const above = e.sub(1, y.rest);
  const corners = [
    cornerOf(y.low, x.low, e.mul(above, left)),
    ...(mode === 'nearest'
      ? []
      : [
          cornerOf(y.low, x.high, e.mul(above, x.rest)),
          cornerOf(y.high, x.low, e.mul(y.rest, left)),
          cornerOf(y.high, x.high, e.mul(y.rest, x.rest)),
        ]),
  ];
  const g = e.reshape(site.g, [batch!, channels, points], site.dims(site.y()));
  const spread = (index: string) => e.op('Expand', [index, e.shapeOf(g)]);
  return [
    () => toImage(site, corners, g, spread),
    () => {
      if (mode === 'nearest') return undefined;
      const pixels = e.reshape(site.x(), [batch!, channels, height * width], site.dims(site.x()));
      const [a, b, c, d] = corners.map(({ index, inside }) =>
        e.mul(e.op('GatherElements', [pixels, spread(index)], { axis: attr.int(2) }), inside),
      ) as [string, string, string, string];
      const blend = (first: string, second: string, rest: string, share: string) =>
        e.add(e.mul(first, share), e.mul(second, rest));
      const alongX = blend(e.sub(b, a), e.sub(d, c), y.rest, above);
      const alongY = blend(e.sub(c, a), e.sub(d, b), x.rest, left);
      const parts = [e.mul(alongX, x.slope), e.mul(alongY, y.slope)].map(slope => {
        const sum = e.sum(e.mul(g, slope), [1]);
        return e.reshape(sum, [batch!, rows!, columns!, 1], [batch!, 1, points]);
      });
      return e.concat(parts, 3);
    },
  ];
});

/** g times the weights, added up at the pixels. */
function toImage(site: Site, corners: readonly Corner[], g: string, spread: (index: string) => string): string {
  const { e } = site;
  const [n, channels, height, width] = site.dims(site.x()) as [number | null, number, number, number];
  const start = e.reshape(site.zeros(site.x()), [n, channels, height * width], site.dims(site.x()));
  const added = e.op(
    'ScatterElements',
    [
      start,
      e.concat(
        corners.map(({ index }) => spread(index)),
        2,
      ),
      e.concat(
        corners.map(({ weight, inside }) => e.mul(g, e.mul(weight, inside))),
        2,
      ),
    ],
    { axis: attr.int(2), reduction: attr.string('add') },
  );
  return e.reshape(added, [n, channels, height, width], [n, channels, height * width]);
}
