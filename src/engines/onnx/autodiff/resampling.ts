import type { Matrix } from './emit.ts';
import { matrix } from './matrices.ts';

/** How a Resize node samples one axis. */
export interface AxisResampling {
  readonly mode: string;
  readonly coordinates: string;
  readonly nearest: string;
  readonly cubicA: number;
  readonly excludeOutside: boolean;
  readonly antialias: boolean;
  readonly input: number;
  readonly output: number;
  readonly scale: number;
  /** Start and end of the region of interest, for tf_crop_and_resize. */
  readonly roi: readonly [number, number];
}

/** [output, input]: the weights of ONNX's Resize along one axis. Rows outside the image (extrapolated) are 0. */
export function resampling(axis: AxisResampling): Matrix {
  const { input, output } = axis;
  return matrix(output, input, add => {
    for (let o = 0; o < output; o++) {
      const at = coordinate(axis, o);
      if (axis.coordinates === 'tf_crop_and_resize' && (at < 0 || at > input - 1)) continue;
      for (const [i, w] of taps(axis, at)) add(o, i, w);
    }
  });
}

/** Where output `o` lies on the input axis, rounded as ONNX Runtime does: 'nearest' hangs on it. */
function coordinate({ coordinates, input, output, scale, roi }: AxisResampling, o: number): number {
  const f = Math.fround;
  const ratio = f(scale);
  const halfPixel = f(f(f(o + 0.5) / ratio) - 0.5);
  switch (coordinates) {
    case 'asymmetric':
      return f(o / ratio);
    case 'align_corners':
      return output === 1 ? 0 : f(f(o * (input - 1)) / (output - 1));
    case 'pytorch_half_pixel':
      return output > 1 ? halfPixel : 0;
    case 'half_pixel_symmetric': {
      const adjustment = f(output / f(ratio * input));
      const offset = f(f(input / 2) * f(1 - adjustment));
      return f(f(offset + f(f(o + 0.5) / ratio)) - 0.5);
    }
    case 'tf_crop_and_resize': {
      const [start, end] = roi;
      if (output === 1) return 0.5 * (start + end) * (input - 1);
      return start * (input - 1) + (o * (end - start) * (input - 1)) / (output - 1);
    }
    default:
      return halfPixel;
  }
}

/** Input positions (inside the axis) and their weights for a sample at `at`. */
function taps(axis: AxisResampling, at: number): [number, number][] {
  const last = axis.input - 1;
  const inside = (i: number) => Math.min(Math.max(i, 0), last);
  if (axis.mode === 'nearest') return [[inside(nearestTo(at, axis.nearest)), 1]];
  if (axis.antialias) return antialiased(axis, at);
  if (axis.mode === 'linear') {
    const x = Math.min(Math.max(at, 0), last);
    const low = Math.min(Math.floor(x), last);
    return [
      [low, 1 - (x - low)],
      [inside(low + 1), x - low],
    ];
  }
  const floor = Math.floor(at);
  const found = [-1, 0, 1, 2].map(k => [floor + k, cubic(at - floor - k, axis.cubicA)] as [number, number]);
  if (!axis.excludeOutside) return found.map(([i, w]) => [inside(i), w]);
  return normalised(found.filter(([i]) => i >= 0 && i <= last));
}

function nearestTo(x: number, mode: string): number {
  switch (mode) {
    case 'floor':
      return Math.floor(x);
    case 'ceil':
      return Math.ceil(x);
    case 'round_prefer_ceil':
      return Math.floor(x + 0.5);
    default:
      return Math.ceil(x - 0.5);
  }
}

/** Keys' cubic kernel. */
function cubic(distance: number, a: number): number {
  const d = Math.abs(distance);
  if (d <= 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
  if (d < 2) return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return 0;
}

/** Pillow's filters: the kernel is stretched by the factor of reduction. */
function antialiased(axis: AxisResampling, at: number): [number, number][] {
  const stretch = Math.max(1 / axis.scale, 1);
  const centre = at + 0.5;
  const support = (axis.mode === 'linear' ? 1 : 2) * stretch;
  const first = Math.floor(centre - support + 0.5);
  const end = Math.floor(centre + support + 0.5);
  const kernel = (x: number) => (axis.mode === 'linear' ? Math.max(0, 1 - Math.abs(x)) : cubic(x, axis.cubicA));
  const all = Array.from({ length: end - first }, (_, k) => {
    const i = first + k;
    return [i, kernel((i - centre + 0.5) / stretch)] as [number, number];
  });
  const last = axis.input - 1;
  if (axis.excludeOutside) return normalised(all.filter(([i]) => i >= 0 && i <= last));
  return normalised(all).map(([i, w]) => [Math.min(Math.max(i, 0), last), w]);
}

function normalised(list: [number, number][]): [number, number][] {
  const total = list.reduce((a, [, w]) => a + w, 0);
  return list.map(([i, w]) => [i, w / total]);
}
