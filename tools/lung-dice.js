// How well our own lung mask (threshold and morphology) finds the lungs, by how much of them is consolidated:
//   npm run build && node tools/lung-dice.js [--patients 150] [--seg FOLDER]
// On the phantom, whose lungs are known, and with --seg on the slices of COVID-19-CT-Seg with lung masks (index.csv,
// ct/, lungs/, infection/). Those are equalised pictures of 8 bits and no Hounsfield units: 0 … 255 is taken for
// −1250 … 250 HU, which is a guess.
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parse } from 'csv-parse';
import sharp from 'sharp';
import { lungMask } from '../dist/core/image/lungs.js';
import { createRng } from '../dist/core/rng.js';
import { tensor } from '../dist/core/tensor.js';
import { drawSlice } from '../dist/data/phantom/slice.js';

const { values } = parseArgs({ options: { patients: { type: 'string', default: '150' }, seg: { type: 'string' } } });
/** Shares of the lung, up to and including. */
const BINS = [0, 0.05, 0.1, 0.2, 1];
/** A pixel that lesions made brighter than this, by more than that, is consolidated. */
const [DENSE_HU, RISE_HU] = [-300, 200];

print('phantom: share of the lung that is consolidated', phantom(Number(values.patients)));
if (values.seg) print('covid-ct-seg: share of the lung that is infected', await seg(values.seg));

function phantom(patients) {
  const found = [];
  for (let patient = 0; patient < patients; patient++) {
    for (const label of ['covid', 'non-covid']) {
      const spec = { seed: 'lung-dice', patient, label, slices: 1, size: 256 };
      const rng = () => createRng('lung-dice').fork(label, patient);
      const [ill, well] = [drawSlice(rng(), spec, 0), drawSlice(rng(), spec, 0, false)];
      let [lung, dense] = [0, 0];
      ill.lung.forEach((v, i) => {
        if (v < 0.5) return;
        lung++;
        if (ill.hu[i] > DENSE_HU && ill.hu[i] - well.hu[i] > RISE_HU) dense++;
      });
      const mask = lungMask(tensor([256, 256], ill.hu), [ill.spacing, ill.spacing]);
      found.push({ burden: dense / lung, dice: diceOf(mask.data, ill.lung) });
    }
  }
  return found;
}

async function seg(folder) {
  const found = [];
  const rows = createReadStream(join(folder, 'index.csv')).pipe(parse({ columns: true }));
  for await (const { file, infection_px, lung_px } of rows) {
    if (!(Number(lung_px) > 0)) continue;
    const [ct, lungs] = [await grey(join(folder, 'ct', file)), await grey(join(folder, 'lungs', file))];
    const hu = tensor(
      ct.shape,
      ct.data.map(v => (v / 255) * 1500 - 1250),
    );
    const truth = lungs.data.map(v => (v > 0 ? 1 : 0));
    found.push({ burden: Number(infection_px) / Number(lung_px), dice: diceOf(lungMask(hu).data, truth) });
  }
  return found;
}

async function grey(path) {
  const { data, info } = await sharp(path).toColourspace('b-w').raw().toBuffer({ resolveWithObject: true });
  return { shape: [info.height, info.width], data: Float32Array.from(data) };
}

function diceOf(a, b) {
  let [both, sum] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i] >= 0.5 ? 1 : 0, b[i] >= 0.5 ? 1 : 0];
    both += x * y;
    sum += x + y;
  }
  return sum > 0 ? (2 * both) / sum : 1;
}

function print(title, found) {
  console.log(`\n| ${title} | slices | Dice, median | 10th percentile | least |\n|---|---:|---:|---:|---:|`);
  for (const [i, most] of BINS.entries()) {
    const least = BINS[i - 1] ?? -1;
    const dice = found.filter(f => f.burden > least && f.burden <= most).map(f => f.dice);
    if (dice.length === 0) continue;
    dice.sort((a, b) => a - b);
    const at = q => dice[Math.floor(q * (dice.length - 1))].toFixed(3);
    const name = i === 0 ? 'none' : `${100 * Math.max(0, least)} to ${100 * most} %`;
    console.log(`| ${name} | ${dice.length} | ${at(0.5)} | ${at(0.1)} | ${at(0)} |`);
  }
}
