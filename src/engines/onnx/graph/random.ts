/** Operators whose outputs differ from run to run. */
export const RANDOM = /^(Random|Bernoulli|Multinomial)/;
