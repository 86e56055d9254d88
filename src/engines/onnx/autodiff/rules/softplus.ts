import { defineRule } from '../rule.ts';

/** y = log(1 + eˣ): g·σ(x). */
export const softplus = defineRule('Softplus', ({ e, g, x }) => [() => e.mul(g, e.op('Sigmoid', [x()]))]);

/** y = x/(1 + |x|): g·(1 − |y|)². */
export const softsign = defineRule('Softsign', ({ e, g, y }) => [() => e.mul(g, e.square(e.sub(1, e.abs(y()))))]);

/** y = x·t with t = tanh(softplus(x)): g·(t + x(1 − t²)σ(x)). */
export const mish = defineRule('Mish', site => {
  const { e, g } = site;
  return [
    () => {
      const t = e.op('Tanh', [e.op('Softplus', [site.x()])]);
      const tail = e.mul(e.mul(site.x(), e.op('Sigmoid', [site.x()])), e.sub(1, e.square(t)));
      return e.mul(g, e.add(t, tail));
    },
  ];
});
