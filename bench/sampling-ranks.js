/**
 * What `precision: { rank }` of a sampling explainer gives: the rank correlation of its map with that of a very long run,
 * beside the one that was asked for. A table of docs/precision.md.
 *
 *   npm run build && node bench/sampling-ranks.js [--seeds 4] [--images 1]
 *
 * Models and images are the small references of test/golden/explainers, and segments or pixels of each map are ranked.
 */
import { parseArgs } from 'node:util';
import { builtinRegistry } from '../dist/builtin.js';
import { explainSubject } from '../dist/conformance/subject.js';
import { createRng } from '../dist/core/rng.js';
import { spearman } from '../dist/core/statistics/correlation.js';
import { smallReferences } from './small-references.js';

const { values } = parseArgs({
  options: { seeds: { type: 'string', default: '4' }, images: { type: 'string', default: '1' } },
});
const { explainers } = builtinRegistry();

/** What is asked for, of at most so many samples, and the long run. */
const CASES = [
  { name: 'lime', options: { samples: 4000, segments: 60, kernelSize: 1 }, long: { samples: 40_000 } },
  { name: 'kernel-shap', options: { samples: 4000, segments: 50 }, long: { samples: 40_000 } },
  { name: 'rise', options: { samples: 4000 }, long: { samples: 40_000 } },
  { name: 'hsic', options: { samples: 1000 }, long: { samples: 4000 } },
  { name: 'smoothgrad', options: { draws: 400 }, long: { draws: 4000 } },
];
const RANKS = [0.9, 0.95, 0.99];

/** One value a segment where there are segments, else one a pixel. */
function ranked({ map, regions }) {
  if (!regions) return [...map.data];
  return [...new Map([...regions].map((region, p) => [region, map.data[p]])).values()];
}

const rows = [];
for await (const { network, subject, target, memo } of smallReferences(Number(values.images))) {
  for (const { name, options, long } of CASES) {
    const explainer = explainers.get(name);
    const wrapped = explainer.wraps && explainers.get(explainer.wraps);
    const explained = async (given, seed) => {
      const keep = wrapped ? {} : { memo };
      const rng = createRng(seed);
      const request = { explainer, subject, wrapped, options: given, class: target, rng, ...keep };
      const { result } = await explainSubject(request);
      return result;
    };
    const truth = ranked(await explained({ ...options, ...long }, 'a long run'));
    for (const rank of RANKS) {
      for (let seed = 0; seed < Number(values.seeds); seed++) {
        const found = await explained({ ...options, precision: { rank } }, `rank ${seed}`);
        const { samples, coalitions, draws, rankCorrelation } = found.diagnostics;
        rows.push({
          ...{ network, name, rank, said: rankCorrelation, taken: samples ?? coalitions ?? draws },
          true: spearman(ranked(found), truth),
        });
      }
    }
  }
}

const mean = (list, of) => list.reduce((sum, row) => sum + of(row) / list.length, 0);
console.log(
  '| Explainer | Rank asked for | Samples taken, mean | Runs that took all | Correlation with a very long run: mean | smallest | Runs below |',
);
console.log('|---|---|---|---|---|---|---|');
for (const { name } of CASES) {
  for (const rank of RANKS) {
    const found = rows.filter(row => row.name === name && row.rank === rank);
    const ended = found.filter(row => row.said >= rank);
    const cells = [
      `\`${name}\``,
      rank,
      mean(found, row => row.taken).toFixed(0),
      `${found.length - ended.length} of ${found.length}`,
    ];
    cells.push(mean(ended, row => row.true).toFixed(3), Math.min(...ended.map(row => row.true)).toFixed(3));
    cells.push(`${ended.filter(row => row.true < rank).length} of ${ended.length}`);
    console.log(`| ${cells.join(' | ')} |`);
  }
}
