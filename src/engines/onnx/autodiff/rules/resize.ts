import { attr, DType, read } from '../../graph/graph.ts';
import type { Emitter, Matrix } from '../emit.ts';
import { transposed } from '../matrices.ts';
import { resampling } from '../resampling.ts';
import { defineRule } from '../rule.ts';
import type { Site } from '../site.ts';

/** The Resize weights [output, input] of every axis that changes; undefined for the others. */
function axisMatrices(site: Site): (Matrix | undefined)[] {
  const { node } = site;
  const x = site.dims(site.x());
  const y = site.dims(site.y());
  const axes = (read.ints(node, 'axes') ?? x.map((_, i) => i)).map(a => site.axis(a));
  const scales = site.has(2) ? site.numbers(2)! : [];
  const sizes = site.has(3) ? site.numbers(3)! : [];
  const roi = site.has(1) ? site.numbers(1)! : [];
  const coordinates = read.string(node, 'coordinate_transformation_mode', 'half_pixel');
  const policy = read.string(node, 'keep_aspect_ratio_policy', 'stretch');
  const ratios = sizes.map((size, k) => size / (x[axes[k]!] ?? size));
  const ratio = policy === 'not_larger' ? Math.min(...ratios) : Math.max(...ratios);
  return x.map((input, i) => {
    const k = axes.indexOf(i);
    const output = y[i]!;
    if (k < 0 || input === null || output === null) return undefined;
    const scale = scales.length > 0 ? scales[k]! : policy === 'stretch' ? output / input : ratio;
    const region = [roi[k] ?? 0, roi[k + axes.length] ?? 1] as const;
    const cropped = coordinates === 'tf_crop_and_resize' && (region[0] !== 0 || region[1] !== 1);
    if (input === output && scale === 1 && !cropped) return undefined;
    return resampling({
      mode: read.string(node, 'mode', 'nearest'),
      coordinates,
      nearest: read.string(node, 'nearest_mode', 'round_prefer_floor'),
      cubicA: read.float(node, 'cubic_coeff_a', -0.75),
      excludeOutside: read.int(node, 'exclude_outside', 0) !== 0,
      antialias: read.int(node, 'antialias', 0) !== 0,
      input,
      output,
      scale,
      roi: region,
    });
  });
}

/** The factor by which an axis is repeated, if that is all that happens to it. */
function repetition(m: Matrix | undefined): number | undefined {
  if (m === undefined) return 1;
  const factor = m.rows / m.cols;
  const repeats =
    Number.isInteger(factor) &&
    m.data.every((v, i) => v === (Math.floor(Math.floor(i / m.cols) / factor) === i % m.cols ? 1 : 0));
  return repeats ? factor : undefined;
}

/** Sums over blocks: the adjoint of repeating. */
function blockSums(e: Emitter, g: string, factors: readonly number[]): string {
  const window = { kernel_shape: attr.ints(factors), strides: attr.ints(factors) };
  return e.mul(
    e.op('AveragePool', [g], window),
    factors.reduce((a, b) => a * b, 1),
  );
}

/** y = A₁ … Aₙ x, one matrix per axis: the transposed matrices on g. Repetition by whole factors: sums over blocks. */
export const resize = defineRule('Resize', site => {
  const { e } = site;
  return [
    () => {
      const matrices = axisMatrices(site);
      const rank = matrices.length;
      const factors = matrices.map(repetition);
      const pooled = rank >= 3 && rank <= 5 && e.dtype === DType.float && factors[0] === 1 && factors[1] === 1;
      if (pooled && factors.every(f => f !== undefined)) return blockSums(e, site.g, factors.slice(2) as number[]);
      return matrices.reduce<string>((g, m, i) => (m ? e.along(g, rank, i, transposed(m)) : g), site.g);
    },
  ];
});
