/**
 * Whether intervals and tests hold what they say, over simulated studies: coverage, family-wise error, rank sets.
 *
 *   npm run build && npm run bench:statistics -- [--runs 2000] [--patients 12,24,45] [--json]
 *
 * 2,000 runs take some minutes on one core. Ends with 1 if a figure misses its bound.
 */
import { parseArgs } from 'node:util';
import { createRng } from '../../dist/core/rng.js';
import { aucInterval, clusteredAuc } from '../../dist/core/statistics/auc-interval.js';
import { differencesOf } from '../../dist/core/statistics/differences.js';
import { normalQuantile } from '../../dist/core/statistics/distributions.js';
import { maxT, rankSets } from '../../dist/core/statistics/max-t.js';
import { patientMeans } from '../../dist/core/statistics/patients.js';
import { shareInterval, shareOfImages } from '../../dist/core/statistics/proportion.js';
import { acrossSeeds } from '../../dist/core/statistics/seeds.js';
import { summarise } from '../../dist/core/statistics/summary.js';
import { verdictsOf } from '../../dist/core/statistics/verdicts.js';
import { controlled, counted, RATINGS, STUDIES, scored, trainings } from './studies.js';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '2000' },
    patients: { type: 'string', default: '12,24,45' },
    json: { type: 'boolean', default: false },
  },
});
const runs = Number(values.runs);
const sizes = values.patients.split(',').map(Number);
/** Enough for a level of .05 of a few pairs, and fast. */
const RESAMPLES = 599;

const tables = [means(), nearlyConstant(), families(), verdicts(), power(), shares(), areas(), seeds()];
if (values.json) console.log(JSON.stringify(tables));
else for (const table of tables) print(table);
process.exitCode = tables.some(table => table.rows.some(row => row.cells.some(cell => cell.missed))) ? 1 : 0;

/** One row per study, one group of cells per number of patients. */
function rowsOf(cases, measure) {
  return Object.entries(cases).map(([name, given]) => ({
    name,
    cells: sizes.flatMap(patients => {
      const rng = createRng('bench').fork(name, patients);
      return measure(given, patients, run => rng.fork(run));
    }),
  }));
}

function bounded(value, { least = 0, most = 1 }) {
  return { value, missed: value < least || value > most };
}

function share(holds) {
  let held = 0;
  for (let run = 0; run < runs; run++) if (holds(run)) held++;
  return held / runs;
}

function means() {
  const cases = Object.fromEntries(Object.entries(STUDIES).filter(([, s]) => s.mean !== undefined));
  return {
    title: 'Coverage of the 95 % interval of a mean, and the share of runs marked as skewed',
    columns: ['covered', 'marked'],
    rows: rowsOf(cases, ({ draw, mean, hits, skewed }, patients, stream) => {
      let marked = 0;
      const covered = share(run => {
        const rng = stream(run);
        const images = draw(rng, patients).map(([patient, value]) => ({ patient, value }));
        const { low, high, skewed: mark } = summarise(images, { rng, resamples: 999, ...(hits ? { hits } : {}) });
        if (mark) marked++;
        return low !== null && low <= mean && mean <= high;
      });
      return [bounded(covered, { least: skewed ? 0.9 : 0.935 }), { value: marked / runs }];
    }),
  };
}

function nearlyConstant() {
  return {
    title: 'Coverage of the 95 % interval of nearly constant ratings where they differ at all, and its mean width',
    columns: ['covered', 'width'],
    rows: rowsOf(RATINGS, ({ draw, mean, range }, patients, stream) => {
      let [wide, differ] = [0, 0];
      const covered = share(run => {
        const rng = stream(run);
        const images = draw(rng, patients).map(([patient, value]) => ({ patient, value }));
        const { low, high } = summarise(images, { rng, resamples: 999, range });
        if (low === null) return false;
        differ++;
        wide += high - low;
        return low <= mean && mean <= high;
      });
      return [bounded((covered * runs) / differ, { least: 0.935 }), { value: wide / differ }];
    }),
  };
}

function families() {
  return {
    title: 'Four explainers with equal means: family-wise error, and all keep rank 1',
    columns: ['error', 'signs alone', 'rank 1'],
    rows: rowsOf(STUDIES, ({ draw, unequal }, patients, stream) => {
      let [signs, first] = [0, 0];
      const error = share(run => {
        const rng = stream(run);
        const test = maxT(tableOf(draw(rng, patients)), { rng, resamples: RESAMPLES });
        if (test.pairs.some(pair => pair.pSigns <= test.alpha)) signs++;
        if (rankSets(test, 'higher').every(([best]) => best === 1)) first++;
        return test.pairs.some(pair => pair.significant);
      });
      const most = unequal && patients < 24 ? 0.09 : 0.06;
      return [bounded(error, { most }), { value: signs / runs }, bounded(first / runs, { least: 0.93 })];
    }),
  };
}

function verdicts() {
  const cases = {};
  for (const unequal of [false, true]) {
    const shapes = unequal ? 'unequal shapes' : 'normal';
    cases[`${shapes}, no difference`] = { unequal, ahead: 0 };
    cases[`${shapes}, ahead by the smallest effect, .5`] = { unequal, ahead: 0.5 };
  }
  const pairs = [1, 2, 3, 4].flatMap(method => [0, 5, 6].map(control => [method, control]));
  return {
    title: 'Four explainers against three controls, 12 verdicts: any false one',
    columns: ['error'],
    rows: rowsOf(cases, ({ unequal, ahead }, patients, stream) => {
      const most = unequal && patients < 24 ? 0.09 : 0.06;
      const wrong = share(run => {
        const rng = stream(run);
        const table = controlled(rng, patients, { unequal, ahead });
        const options = { better: 'higher', smallest: ahead, rng, resamples: RESAMPLES };
        return verdictsOf(differencesOf(table, pairs), options).some(({ verdict }) => verdict !== 'open');
      });
      return [bounded(wrong, { most })];
    }),
  };
}

/** Mean within patients, patients × methods. */
function tableOf(images) {
  const columns = images[0]
    .slice(1)
    .map((_, m) => patientMeans(images.map(row => ({ patient: row[0], value: row[m + 1] }))));
  return columns[0].map((_, p) => columns.map(column => column[p].value));
}

function power() {
  const cases = Object.fromEntries([4, 8].map(k => [`${k} explainers, one ahead by 1.2 standard deviations`, k]));
  return {
    title: 'Power: the best is separated from the last',
    columns: ['all tests', 'signs alone'],
    rows: rowsOf(cases, (k, patients, stream) => {
      let signs = 0;
      const found = share(run => {
        const rng = stream(run);
        const table = Array.from({ length: patients }, () =>
          Array.from({ length: k }, (_, m) => rng.normal() + (m === 0 ? 1.2 : 0)),
        );
        const pair = maxT(table, { rng, resamples: RESAMPLES }).pairs.find(({ a, b }) => a === 0 && b === k - 1);
        if (pair.pSigns <= 0.05) signs++;
        return pair.significant;
      });
      return [{ value: found }, { value: signs / runs }];
    }),
  };
}

function shares() {
  const cases = {};
  for (const chance of [0.5, 0.9, 0.97]) {
    cases[`${chance}, one image each`] = { images: 1, correlation: 0, chance };
    cases[`${chance}, 1 to 6 images, correlation .5`] = { images: 6, correlation: 0.5, chance };
  }
  return {
    title: 'Coverage of the 95 % interval of a share (sensitivity, specificity, accuracy)',
    columns: ['covered'],
    rows: rowsOf(cases, (given, patients, stream) => [
      bounded(
        share(run => {
          const { low, high } = shareInterval(shareOfImages(counted(stream(run), patients, given)));
          return low <= given.chance && given.chance <= high;
        }),
        { least: 0.935 },
      ),
    ]),
  };
}

function areas() {
  const cases = {};
  for (const area of [0.75, 0.95, 0.99]) {
    const shift = Math.SQRT2 * normalQuantile(area);
    cases[`${area}, one image each`] = { area, shift, images: 1, correlation: 0, mixed: false };
    cases[`${area}, four images of one class`] = { area, shift, images: 4, correlation: 0.5, mixed: false };
    cases[`${area}, four images of both classes`] = { area, shift, images: 4, correlation: 0.5, mixed: true };
  }
  return {
    title: 'Coverage of the 95 % interval of the area under the ROC curve, and the share of runs with an area of 1',
    columns: ['covered', 'area 1'],
    rows: rowsOf(cases, (given, patients, stream) => {
      let perfect = 0;
      const covered = share(run => {
        const auc = clusteredAuc(scored(stream(run), patients, given));
        if (auc.value === 1) perfect++;
        const { low, high } = aucInterval(auc);
        return low <= given.area && given.area <= high;
      });
      return [bounded(covered, { least: 0.935 }), { value: perfect / runs }];
    }),
  };
}

function seeds() {
  const cases = {};
  for (const ofSeed of [0, 0.3, 1]) {
    for (const count of [3, 5, 8]) {
      cases[`${count} trainings, ${ofSeed} between them`] = { seeds: count, ofSeed, ofPatient: 1, rest: 1 };
    }
  }
  return {
    title: 'Coverage of the 95 % interval over trainings of one architecture, patients’ standard deviation 1',
    columns: ['covered'],
    rows: rowsOf(cases, (given, patients, stream) => [
      bounded(
        share(run => {
          const { low, high } = acrossSeeds(trainings(stream(run), patients, given));
          return low <= 0 && 0 <= high;
        }),
        // Fewer than five trainings are not said to speak for an architecture.
        { least: given.seeds < 5 ? 0.9 : 0.93 },
      ),
    ]),
  };
}

function print({ title, columns, rows }) {
  const heads = sizes.flatMap(patients =>
    columns.map((column, i) => (i === 0 ? `${patients} patients: ${column}` : column)),
  );
  const digits = ({ value, missed }) => value.toFixed(3).replace(/^0/, '') + (missed ? ' (!)' : '');
  console.log(`\n### ${title}\n`);
  console.log(`| | ${heads.join(' | ')} |\n| --- |${heads.map(() => ' ---: |').join('')}`);
  for (const { name, cells } of rows) console.log(`| ${name} | ${cells.map(digits).join(' | ')} |`);
}
