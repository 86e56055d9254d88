/**
 * What designs are worth beside plain draws: the error of a map at equal passes, against a long
 * run of the same explainer. The table of docs/precision.md.
 *
 *   npm run build && node bench/designs.js [--seeds 4]
 *
 * Models and images are the small references of test/golden/explainers.
 */
import { parseArgs } from 'node:util';
import { builtinRegistry } from '../dist/builtin.js';
import { explainSubject } from '../dist/conformance/subject.js';
import { createRng } from '../dist/core/rng.js';
import { NETWORKS, smallReferences } from './small-references.js';

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '4' } } });
const seeds = Number(values.seeds);
const { explainers } = builtinRegistry();

/** Normal numbers in blocks of an image's size; every second block is the one before it, negated. */
function pairedNoise(rng, size) {
  const block = new Float64Array(size);
  let drawn = 0;
  const normal = () => {
    const [k, second] = [drawn % size, Math.floor(drawn / size) % 2 === 1];
    drawn++;
    if (!second) block[k] = rng.normal();
    return second ? -block[k] : block[k];
  };
  return { ...rng, normal };
}

/** Explainers, what they are asked for, and the long run that they are compared with. */
const CASES = [
  {
    ...{ name: 'smoothgrad', passes: '50 copies', options: { draws: 50 }, long: { draws: 1500 } },
    designs: { plain: rng => rng, 'in pairs, noise and its negative': (rng, size) => pairedNoise(rng, size) },
  },
  {
    ...{ name: 'smoothgrad-squared', passes: '50 copies', options: { draws: 50 }, long: { draws: 1500 } },
    designs: { plain: rng => rng, 'in pairs, noise and its negative': (rng, size) => pairedNoise(rng, size) },
  },
  {
    ...{ name: 'lime', passes: '500 samples of 60 segments', options: { samples: 500, segments: 60 } },
    long: { samples: 20_000, segments: 60, design: 'independent' },
    designs: { independent: { design: 'independent' }, orthogonal: {} },
  },
  {
    ...{ name: 'lime', passes: '1,000 samples of 60 segments', options: { samples: 1000, segments: 60 } },
    long: { samples: 20_000, segments: 60, design: 'independent' },
    designs: { independent: { design: 'independent' }, orthogonal: {} },
  },
  {
    ...{ name: 'rise', passes: '1,000 masks', options: { samples: 1000 } },
    long: { samples: 20_000, design: 'independent' },
    designs: { independent: { design: 'independent' }, orthogonal: {} },
  },
  {
    ...{ name: 'rise', passes: '2,000 masks', options: { samples: 2000 } },
    long: { samples: 20_000, design: 'independent' },
    designs: { independent: { design: 'independent' }, orthogonal: {} },
  },
  {
    ...{ name: 'kernel-shap', passes: '300 coalitions', options: { samples: 300, segments: 20 } },
    long: { samples: 20_000, segments: 20 },
    designs: { plain: { coalitions: 'independent' }, 'small and large ones completely, the rest in pairs': {} },
  },
  {
    ...{ name: 'shapley-sampling', passes: '25 orders of 20 segments', options: { permutations: 25, segments: 20 } },
    long: { permutations: 2000, segments: 20 },
    designs: { independent: { orders: 'independent' }, 'in pairs, an order and the same backwards': {} },
  },
];

const errors = (map, truth) => {
  const mean = truth.reduce((a, b) => a + b / truth.length, 0);
  const spread = truth.reduce((a, b) => a + (b - mean) ** 2, 0);
  return map.reduce((a, v, p) => a + (v - truth[p]) ** 2, 0) / spread;
};

const rows = [];
for await (const { network, subject, target, memo } of smallReferences(2)) {
  for (const { name: explainer, passes, options, long, designs } of CASES) {
    const asked = explainers.get(explainer);
    const wrapped = asked.wraps && explainers.get(asked.wraps);
    const mapBy = async (given, rng) => {
      const keep = ['lime', 'kernel-shap', 'shapley-sampling'].includes(explainer) ? { memo } : {};
      const request = { explainer: asked, subject, wrapped, options: given, class: target, rng, ...keep };
      const { result } = await explainSubject(request);
      return result.map.data;
    };
    const truth = await mapBy(long, createRng('a long run'));
    for (const [design, how] of Object.entries(designs)) {
      let sum = 0;
      for (let seed = 0; seed < seeds; seed++) {
        const rng = createRng(`design ${seed}`);
        const own = typeof how === 'function' ? how(rng, subject.image.data.length) : rng;
        sum += errors(await mapBy({ ...options, ...(typeof how === 'object' ? how : {}) }, own), truth) / seeds;
      }
      rows.push({ explainer, passes, design, network, error: Math.sqrt(sum) });
    }
  }
}

console.log('root mean square error over the standard deviation of the map of a long run');
for (const { name: explainer, passes, designs } of CASES) {
  for (const design of Object.keys(designs)) {
    const of = network => {
      const own = rows.filter(r => r.explainer === explainer && r.passes === passes);
      const found = own.filter(r => r.design === design && r.network === network);
      return Math.sqrt(found.reduce((a, r) => a + r.error ** 2 / found.length, 0)).toFixed(3);
    };
    console.log(`| \`${explainer}\`, ${passes} | ${design} | ${NETWORKS.map(of).join(' | ')} |`);
  }
}
