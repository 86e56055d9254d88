import { numbersOf, read } from '../../graph/graph.ts';
import type { Matrix } from '../emit.ts';
import { defineRule } from '../rule.ts';

/**
 * y_k = c Σ_n x_n e^{σi·2πkn/L}, σ = −1, or 1 with c = 1/L for the inverse; numbers are pairs (real, imaginary), or real
 * alone; a one-sided inverse takes half a spectrum and gives real numbers. Linear, so the transposed matrices of cosines and sines on g.
 */
export const dft = defineRule('DFT', site => {
  const { e, node, g } = site;
  const rank = site.rank(site.x());
  return [
    () => {
      const inverse = read.int(node, 'inverse', 0) !== 0;
      const halved = inverse && read.int(node, 'onesided', 0) !== 0;
      const axis = site.axis(site.numbers(2)?.[0] ?? -2, rank);
      const [inputs, outputs] = [site.size(site.x(), axis), site.size(site.y(), axis)];
      const whole = halved ? 2 * (inputs - 1) : inputs;
      const length = site.has(1) ? numbersOf(site.value(1) ?? site.fail('its length is not constant'))[0]! : whole;
      const scale = inverse ? 1 / length : 1;
      // Of a spectrum's half, all but the first and the middle number stand for their mirror image too.
      const used = halved ? Math.floor(length / 2) + 1 : length;
      const times = (n: number) => (halved && n > 0 && 2 * n !== length ? 2 : 1);
      const matrix = (part: (angle: number) => number): Matrix => ({
        rows: inputs,
        cols: outputs,
        // What lies behind the length was cut off.
        data: Float64Array.from({ length: inputs * outputs }, (_, i) => {
          const [n, k] = [Math.floor(i / outputs), i % outputs];
          return n < used ? scale * times(n) * part((2 * Math.PI * ((n * k) % length)) / length) : 0;
        }),
      });
      const negated = (m: Matrix): Matrix => ({ ...m, data: m.data.map(v => -v) });
      const [cosines, sines] = [matrix(Math.cos), matrix(angle => (inverse ? Math.sin(angle) : -Math.sin(angle)))];
      if (halved)
        return e.concat(
          [cosines, negated(sines)].map(m => e.along(g, rank, axis, m)),
          rank - 1,
        );
      const [real, imaginary] = [0, 1].map(i => e.slice(g, [rank - 1], [i], [i + 1])) as [string, string];
      const sum = (a: string, m: Matrix, b: string, n: Matrix, combine: 'add' | 'sub') =>
        e[combine](e.along(a, rank, axis, m), e.along(b, rank, axis, n));
      const ofReal = sum(real, cosines, imaginary, sines, 'add');
      if (site.size(site.x(), rank - 1) === 1) return ofReal;
      return e.concat([ofReal, sum(imaginary, cosines, real, sines, 'sub')], rank - 1);
    },
  ];
});
