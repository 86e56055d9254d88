/** Made-up studies whose truth is known. Draws come from a stream, so that a study repeats. */

const normal = rng => rng.normal();
const lognormal = rng => Math.exp(rng.normal()) - Math.exp(0.5);
const exponential = rng => -Math.log(1 - rng.next()) - 1;
const constant = () => 0;

/** Values of `methods` explainers with equal means: rows of [patient, value per method], one per image. */
function study(methods, images, effect = 0) {
  return (rng, patients) =>
    Array.from({ length: patients }, (_, p) => {
      const shared = effect * rng.normal();
      const own = methods.map(draw => draw(rng));
      return Array.from({ length: images(rng) }, () => [
        `p${p}`,
        ...own.map(value => shared + value + (effect > 0 ? effect * rng.normal() : 0)),
      ]);
    }).flat();
}

/** Hits with this chance that cluster in patients: a patient's own chance is beta with intraclass correlation .4. */
function hits(chance, methods) {
  const [a, b] = [1.5 * chance, 1.5 * (1 - chance)];
  return (rng, patients) =>
    Array.from({ length: patients }, (_, p) => {
      const own = Array.from({ length: methods }, () => beta(rng, a, b));
      return Array.from({ length: 1 + rng.int(4) }, () => [`p${p}`, ...own.map(q => (rng.next() < q ? 1 : 0))]);
    }).flat();
}

const one = () => 1;

/** Ratings from 1 to 5 of which nearly all are the same: this share is one less than 5, or all the way at 1. */
const ratings = (chance, other) => (rng, patients) =>
  Array.from({ length: patients }, (_, p) => [`p${p}`, rng.next() < chance ? other : 5]);

/** Values with a range; only their means are told of. */
export const RATINGS = {
  'ratings 1 to 5: one in 20 is 4, the rest 5': { draw: ratings(0.05, 4), mean: 4.95, range: [1, 5] },
  'ratings 1 to 5: one in 20 is 1, the rest 5': { draw: ratings(0.05, 1), mean: 4.8, range: [1, 5] },
  'ratings 1 to 5: one in 5 is 4, the rest 5': { draw: ratings(0.2, 4), mean: 4.8, range: [1, 5] },
};
const four = draw => [draw, draw, draw, draw];

/** `mean`: the true mean of the first explainer, of which coverage is told. */
export const STUDIES = {
  normal: { draw: study(four(normal), one), mean: 0 },
  clustered: { draw: study(four(normal), rng => 1 + rng.int(6), 1), mean: 0 },
  lognormal: { draw: study(four(lognormal), one), mean: 0, skewed: true },
  'sparse hits, 1 in 10': { draw: hits(0.1, 4), mean: 0.1, hits: true },
  'hits, 3 in 10': { draw: hits(0.3, 4), mean: 0.3, hits: true },
  'unequal: normal, lognormal, exponential, constant': {
    draw: study([normal, lognormal, exponential, constant], one),
    mean: 0,
    unequal: true,
  },
  'unequal: a constant, three lognormal': {
    draw: study([constant, lognormal, lognormal, lognormal], one),
    unequal: true,
  },
  'unequal: two lognormal, two their mirror': {
    draw: study([lognormal, lognormal, rng => -lognormal(rng), rng => -lognormal(rng)], one),
    mean: 0,
    skewed: true,
    unequal: true,
  },
};

/** A control, four explainers that are ahead by so much, and two more controls; patients × these. */
export function controlled(rng, patients, { unequal, ahead }) {
  const shapes = unequal
    ? [constant, lognormal, lognormal, normal, exponential, lognormal, normal]
    : new Array(7).fill(normal);
  return Array.from({ length: patients }, () => shapes.map((draw, m) => draw(rng) + (m >= 1 && m <= 4 ? ahead : 0)));
}

/** Scored images of two classes: `mixed` patients have both, else every other patient is positive. */
export function scored(rng, patients, { images, correlation, mixed, shift }) {
  return Array.from({ length: patients }, (_, p) => {
    const shared = Math.sqrt(correlation) * rng.normal();
    return Array.from({ length: images }, (_, i) => {
      const positive = (mixed ? i : p) % 2 === 0;
      const score = (positive ? shift : 0) + shared + Math.sqrt(1 - correlation) * rng.normal();
      return { score, positive, patient: `p${p}` };
    });
  }).flat();
}

/** Hits of a classifier by patient, of 1 to `images` images each. */
export function counted(rng, patients, { images, correlation, chance }) {
  return Array.from({ length: patients }, () => {
    const rate = 1 / correlation - 1;
    const own = correlation > 0 ? beta(rng, chance * rate, (1 - chance) * rate) : chance;
    const n = 1 + rng.int(images);
    let hits = 0;
    for (let i = 0; i < n; i++) if (rng.next() < own) hits++;
    return { hits, images: n };
  });
}

/** Trainings × patients around 0. */
export function trainings(rng, patients, { seeds, ofSeed, ofPatient, rest }) {
  const effects = Array.from({ length: patients }, () => ofPatient * rng.normal());
  return Array.from({ length: seeds }, () => {
    const own = ofSeed * rng.normal();
    return effects.map(effect => effect + own + rest * rng.normal());
  });
}

function beta(rng, a, b) {
  const x = gamma(rng, a);
  return x / (x + gamma(rng, b));
}

/** Marsaglia and Tsang (2000). */
function gamma(rng, shape) {
  if (shape < 1) return gamma(rng, shape + 1) * (1 - rng.next()) ** (1 / shape);
  const d = shape - 1 / 3;
  for (;;) {
    const x = rng.normal();
    const v = (1 + x / Math.sqrt(9 * d)) ** 3;
    if (v > 0 && Math.log(1 - rng.next()) < (x * x) / 2 + d - d * v + d * Math.log(v)) return d * v;
  }
}
