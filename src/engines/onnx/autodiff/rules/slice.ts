import { attr, constant } from '../../graph/graph.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

interface Cut {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly count: number;
  readonly size: number;
}

/** Start, step and length along each sliced axis, with ONNX's clamping. */
function cuts(site: Site): Cut[] {
  const rank = site.rank(site.x());
  const starts = site.numbers(1)!;
  const ends = site.numbers(2)!;
  const axes = (site.numbers(3) ?? starts.map((_, i) => i)).map(a => site.axis(a, rank));
  const steps = site.numbers(4) ?? starts.map(() => 1);
  return axes.flatMap((axis, i) => {
    const step = steps[i]!;
    // What is dynamic is taken whole.
    if (site.dims(site.x())[axis] === null) return [];
    const size = site.size(site.x(), axis);
    const clamp = (v: number, low: number, high: number) => Math.min(Math.max(v < 0 ? v + size : v, low), high);
    const start = step > 0 ? clamp(starts[i]!, 0, size) : clamp(starts[i]!, 0, size - 1);
    const end = step > 0 ? clamp(ends[i]!, 0, size) : clamp(ends[i]!, -1, size - 1);
    return [{ axis, start, step, count: Math.max(0, Math.ceil((end - start) / step)), size }];
  });
}

/**
 * Of cuts that are known only while it runs: the places of x, counted through, are cut as x is, and g is put back there.
 */
function atRunTime(site: Site): string {
  const { e } = site;
  const [x, ...cut] = site.node.inputs as [string, ...string[]];
  const shape = e.shapeOf(x);
  const scalar = (v: number) => e.builder.constant(constant.int64([], [v]));
  const places = e.op('Reshape', [e.op('Range', [scalar(0), e.op('Size', [x]), scalar(1)]), shape]);
  const list = (t: string) => e.reshape(t, [null]);
  const zeros = e.filled(e.reshape(e.op('Size', [x]), [1]), 0);
  const inputs = [zeros, list(e.op('Slice', [places, ...cut])), list(site.g)];
  return e.op('Reshape', [e.op('ScatterElements', inputs, { axis: attr.int(0) }), shape]);
}

/** Whether the cuts are constant, and none of them goes through the batch. */
function isFixed(site: Site): boolean {
  if ([1, 2, 3, 4].some(i => site.has(i) && !site.value(i))) return false;
  const starts = site.numbers(1)!;
  const axes = (site.numbers(3) ?? starts.map((_, i) => i)).map(a => site.axis(a));
  const whole = (i: number) => {
    return starts[i] === 0 && (site.numbers(4)?.[i] ?? 1) === 1 && site.numbers(2)![i]! >= 2 ** 31 - 1;
  };
  return axes.every((axis, i) => site.dims(site.x())[axis] !== null || whole(i));
}

/** y = x[start : end : step]: g put back at those places, zeros elsewhere. */
export const slice = defineRule('Slice', site => {
  const { e } = site;
  return [
    () => {
      if (!isFixed(site)) return atRunTime(site);
      const rank = site.rank(site.x());
      const begins = new Array<number>(rank).fill(0);
      const ends = new Array<number>(rank).fill(0);
      const dims = [...site.dims(site.y())];
      let g = site.g;
      for (const { axis, start, step, count, size } of cuts(site)) {
        const stride = Math.abs(step);
        if (step < 0) g = e.flip(g, axis);
        const first = step > 0 ? start : start + (count - 1) * step;
        let length = count;
        if (stride > 1 && count > 1) {
          // Spread the elements: [count] → [count, 1] → [count, stride] → [count·stride].
          const spread = [...dims.slice(0, axis + 1), 1, ...dims.slice(axis + 1)];
          const zeros = new Array<number>(rank + 1).fill(0);
          g = e.pad(e.reshape(g, spread, dims), zeros, zeros.with(axis + 1, stride - 1));
          length = count * stride;
          const joined = dims.with(axis, length);
          g = e.reshape(g, joined, [...dims.slice(0, axis + 1), stride, ...dims.slice(axis + 1)]);
          dims[axis] = length;
        }
        begins[axis] = first;
        // Negative where the last stride reaches beyond the end: that crops zeros.
        ends[axis] = size - first - length;
      }
      return e.pad(g, begins, ends);
    },
  ];
});
