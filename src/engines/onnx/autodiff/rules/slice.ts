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
    if (site.dims(site.x())[axis] === null) {
      // A dynamic batch can only be taken whole.
      if (starts[i] === 0 && step === 1 && ends[i]! >= 2 ** 31 - 1) return [];
      site.fail('it slices the batch');
    }
    const size = site.size(site.x(), axis);
    const clamp = (v: number, low: number, high: number) => Math.min(Math.max(v < 0 ? v + size : v, low), high);
    const start = step > 0 ? clamp(starts[i]!, 0, size) : clamp(starts[i]!, 0, size - 1);
    const end = step > 0 ? clamp(ends[i]!, 0, size) : clamp(ends[i]!, -1, size - 1);
    return [{ axis, start, step, count: Math.max(0, Math.ceil((end - start) / step)), size }];
  });
}

/** y = x[start : end : step]: g put back at those places, zeros elsewhere. */
export const slice = defineRule('Slice', site => {
  const { e } = site;
  return [
    () => {
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
