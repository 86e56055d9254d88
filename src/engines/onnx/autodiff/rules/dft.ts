import { numbersOf, read } from '../../graph/graph.ts';
import type { Matrix } from '../emit.ts';
import { defineRule } from '../rule.ts';

/**
 * y_k = c Σ_n x_n e^{σi·2πkn/L}, σ = −1, or 1 with c = 1/L for the inverse; numbers are pairs (real, imaginary), or real
 * alone. Linear, so the transposed matrices of cosines and sines on g.
 */
export const dft = defineRule('DFT', site => {
  const { e, node, g } = site;
  const rank = site.rank(site.x());
  return [
    () => {
      const inverse = read.int(node, 'inverse', 0) !== 0;
      if (inverse && read.int(node, 'onesided', 0) !== 0) site.fail('it is inverse and one-sided');
      const axis = site.axis(site.numbers(2)?.[0] ?? -2, rank);
      const [inputs, outputs] = [site.size(site.x(), axis), site.size(site.y(), axis)];
      const length = site.has(1) ? numbersOf(site.value(1) ?? site.fail('its length is not constant'))[0]! : inputs;
      const scale = inverse ? 1 / length : 1;
      const matrix = (part: (angle: number) => number): Matrix => ({
        rows: inputs,
        cols: outputs,
        // What lies behind the length was cut off.
        data: Float64Array.from({ length: inputs * outputs }, (_, i) => {
          const [n, k] = [Math.floor(i / outputs), i % outputs];
          return n < length ? scale * part((2 * Math.PI * ((n * k) % length)) / length) : 0;
        }),
      });
      const [cosines, sines] = [matrix(Math.cos), matrix(angle => (inverse ? Math.sin(angle) : -Math.sin(angle)))];
      const [real, imaginary] = [0, 1].map(i => e.slice(g, [rank - 1], [i], [i + 1])) as [string, string];
      const sum = (a: string, m: Matrix, b: string, n: Matrix, combine: 'add' | 'sub') =>
        e[combine](e.along(a, rank, axis, m), e.along(b, rank, axis, n));
      const ofReal = sum(real, cosines, imaginary, sines, 'add');
      if (site.size(site.x(), rank - 1) === 1) return ofReal;
      return e.concat([ofReal, sum(imaginary, cosines, real, sines, 'sub')], rank - 1);
    },
  ];
});
