// How near the phantom is to real CT: Hounsfield units, noise and its correlation, and how well a classifier tells them apart.
//   npm run build && node tools/phantom-beside-ct.js FOLDER [--patients 12] [--slices 2] [--size 512] [--kernel mixed] [--picture sheet.png]
// FOLDER holds CT in Hounsfield units that the program reads (DICOM, NIfTI, …). Both are measured in the same way: the
// lungs are found by our own mask on both. The classifier is a logistic regression on the numbers of the table, tried on
// patients that it has not seen. An area under its curve of 0.5 would mean that these numbers cannot tell them apart.
import { parseArgs } from 'node:util';
import sharp from 'sharp';
import { builtinRegistry } from '../dist/builtin.js';
import { distanceTo } from '../dist/core/image/distance.js';
import { innerAir, lungMask } from '../dist/core/image/lungs.js';
import { quantile } from '../dist/core/statistics/quantile.js';
import { auc, rocOrder } from '../dist/core/statistics/roc.js';
import { tensor } from '../dist/core/tensor.js';
import { openPath } from '../dist/data/open-path.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    patients: { type: 'string', default: '12' },
    slices: { type: 'string', default: '2' },
    size: { type: 'string', default: '512' },
    seed: { type: 'string', default: 'beside-ct' },
    kernel: { type: 'string', default: 'mixed' },
    picture: { type: 'string' },
  },
});
if (positionals.length !== 1) throw new Error('Say the folder with real CT: node tools/phantom-beside-ct.js FOLDER');

/** mm of the windows in which a spread is measured. */
const WINDOW = 7;
/** mm from the lung's edge within which its pixels are left out. */
const EDGE = 2;
/** mm of the shifts at which noise is compared with itself. */
const SHIFTS = [0.75, 1.5, 3];
/** Bins of 20 HU from −1024 on. */
const [LOWEST, BIN, BINS] = [-1024, 20, 80];

const readers = builtinRegistry().readers;
const real = await measured((await openPath(positionals[0], readers)).dataset);
const given = {
  seed: values.seed,
  patients: Number(values.patients),
  slices: Number(values.slices),
  size: Number(values.size),
};
const phantom = readers.get('phantom');
const open = options => phantom.open(phantom.options.parse({ ...given, ...options }), { base: '.' });
const drawn = await measured(await open({}));
const scanned = await measured(await open({ physics: 'projection', kernel: values.kernel }));

const kinds = { 'real CT': real, 'physics: none': drawn, 'physics: projection': scanned };
const row = cells => console.log(`| ${cells.join(' | ')} |`);
row(['', ...Object.keys(kinds)]);
row(['---', ...Object.keys(kinds).map(() => '---:')]);
row(['slices (patients)', ...Object.values(kinds).map(k => `${k.length} (${new Set(k.map(s => s.patient)).size})`)]);
for (const name of Object.keys(real[0].numbers)) {
  row([name, ...Object.values(kinds).map(k => spread(k.map(s => s.numbers[name])))]);
}
for (const part of ['lung', 'body']) {
  const histograms = Object.values(kinds).map(k => histogramOf(k.map(s => s[part])));
  row([
    `histogram of the ${part}: share in other bins`,
    ...histograms.map((h, i) =>
      i === 0 ? '' : (h.reduce((sum, v, b) => sum + Math.abs(v - histograms[0][b]), 0) / 2).toFixed(2),
    ),
  ]);
}
row(['histograms among real patients themselves (lung, body)', ['lung', 'body'].map(ownDistance).join(', '), '', '']);
row(['told from real CT: area under the curve', '', ...[drawn, scanned].map(k => toldApart(real, k).toFixed(2))]);
if (values.picture) await picture(values.picture);

/** Every slice with lungs on it, measured. */
async function measured(dataset) {
  const found = [];
  for await (const sample of dataset.samples()) {
    const { source } = await sample.load();
    if (source.unit !== 'HU' || !source.spacing) continue;
    const { pixels } = source;
    const [height, width] = pixels.shape.slice(-2);
    const hu = tensor([height, width], pixels.data);
    const spacing = source.spacing[0];
    const { data: lung } = lungMask(hu, source.spacing);
    const toEdge = distanceTo(
      tensor(
        hu.shape,
        lung.map(v => 1 - v),
      ),
      source.spacing,
    );
    const inLung = hu.data.filter((_, p) => toEdge[p] > EDGE);
    if (inLung.length * spacing ** 2 < 5000) continue;
    const { body } = innerAir(hu);
    const inBody = hu.data.filter((_, p) => body.data[p] === 1);
    const side = Math.round(WINDOW / spacing);
    const windows = windowsOf(hu, side);
    const soft = windows.filter(w => w.mean > 10 && w.mean < 70);
    const air = windows.filter(w => w.mean > -930 && w.mean < -780);
    const [softSDs, airSDs] = [soft, air].map(list => list.map(w => w.sd));
    const middle = quantile(softSDs, 0.5);
    const calm = soft.filter(w => w.sd <= middle);
    const numbers = {
      'lung, 5 % of pixels below (HU)': quantile(inLung, 0.05),
      'lung, median (HU)': quantile(inLung, 0.5),
      'lung, 5 % of pixels above (HU)': quantile(inLung, 0.95),
      'soft tissue, median (HU)': quantile(
        soft.map(w => w.mean),
        0.5,
      ),
      'SD in 7 mm of soft tissue, median (HU)': middle,
      'SD in 7 mm of soft tissue, 10 % below (HU)': quantile(softSDs, 0.1),
      'SD in 7 mm of lung, median (HU)': quantile(airSDs, 0.5),
      'SD in 7 mm of lung, 10 % below (HU)': quantile(airSDs, 0.1),
      'lung, share of the body': inLung.length / inBody.length,
      'body, mm²/1000': (inBody.length * spacing ** 2) / 1000,
      ...Object.fromEntries(
        SHIFTS.map(mm => [`noise of soft tissue, correlation at ${mm} mm`, correlation(hu, calm, side, mm / spacing)]),
      ),
    };
    found.push({ patient: sample.patient, numbers, lung: inLung, body: inBody, hu });
  }
  return found;
}

/** Squares that tile the image: mean, SD and corner. */
function windowsOf({ shape: [height, width], data }, side) {
  const found = [];
  for (let top = 0; top + side <= height; top += side) {
    for (let left = 0; left + side <= width; left += side) {
      let [sum, squares] = [0, 0];
      for (let i = top; i < top + side; i++) {
        for (let j = left; j < left + side; j++) {
          const v = data[i * width + j];
          sum += v;
          squares += v * v;
        }
      }
      const mean = sum / side ** 2;
      found.push({ top, left, mean, sd: Math.sqrt(Math.max(0, squares / side ** 2 - mean ** 2)) });
    }
  }
  return found;
}

/** Correlation of what differs from the windows' means with itself, so many pixels to the right and below. */
function correlation({ shape: [, width], data }, windows, side, shift) {
  const at = step => {
    let [product, squares, pairs, all] = [0, 0, 0, 0];
    for (const { top, left, mean } of windows) {
      for (let i = 0; i < side; i++) {
        for (let j = 0; j < side; j++) {
          const v = data[(top + i) * width + left + j] - mean;
          squares += v * v;
          all++;
          if (j + step < side) {
            product += v * (data[(top + i) * width + left + j + step] - mean);
            pairs++;
          }
          if (i + step < side) {
            product += v * (data[(top + i + step) * width + left + j] - mean);
            pairs++;
          }
        }
      }
    }
    return product / pairs / (squares / all);
  };
  const whole = Math.floor(shift);
  return at(whole) + (shift - whole) * (at(whole + 1) - at(whole));
}

/** Each slice counts the same. */
function histogramOf(lists) {
  const out = new Float64Array(BINS);
  for (const list of lists) {
    for (const v of list)
      out[Math.min(BINS - 1, Math.max(0, Math.floor((v - LOWEST) / BIN)))] += 1 / list.length / lists.length;
  }
  return out;
}

/** Mean distance of a real patient's histogram from that of the others. */
function ownDistance(part) {
  const patients = [...new Set(real.map(s => s.patient))];
  const distances = patients.map(patient => {
    const [own, others] = [true, false].map(is =>
      histogramOf(real.filter(s => (s.patient === patient) === is).map(s => s[part])),
    );
    return own.reduce((sum, v, b) => sum + Math.abs(v - others[b]), 0) / 2;
  });
  return (distances.reduce((a, b) => a + b, 0) / distances.length).toFixed(2);
}

/** Area under the curve of a logistic regression that has not seen the patient. */
function toldApart(one, other) {
  const all = [...one.map(s => ({ ...s, y: 1 })), ...other.map(s => ({ ...s, y: 0 }))];
  const names = Object.keys(all[0].numbers);
  const scores = all.map(s => {
    const known = all.filter(k => !(k.y === s.y && k.patient === s.patient));
    const scale = names.map(n => {
      const list = known.map(k => k.numbers[n]);
      const mean = list.reduce((a, b) => a + b, 0) / list.length;
      return { mean, sd: Math.sqrt(list.reduce((a, v) => a + (v - mean) ** 2, 0) / list.length) || 1 };
    });
    const x = k => [1, ...names.map((n, i) => (k.numbers[n] - scale[i].mean) / scale[i].sd)];
    const rows = known.map(k => ({ x: x(k), y: k.y, w: 0.5 / known.filter(o => o.y === k.y).length }));
    const w = new Float64Array(names.length + 1);
    for (let step = 0; step < 1000; step++) {
      const gradient = w.map((v, i) => (i === 0 ? 0 : 0.01 * v));
      for (const r of rows) {
        const p = 1 / (1 + Math.exp(-r.x.reduce((sum, v, i) => sum + v * w[i], 0)));
        r.x.forEach((v, i) => {
          gradient[i] += r.w * (p - r.y) * v;
        });
      }
      gradient.forEach((g, i) => {
        w[i] -= 0.3 * g;
      });
    }
    return x(s).reduce((sum, v, i) => sum + v * w[i], 0);
  });
  return auc(
    rocOrder(
      scores,
      all.map(s => s.y === 1),
    ),
  );
}

function spread(list) {
  const digits = Math.abs(quantile(list, 0.5)) < 2 ? 2 : 0;
  const [low, middle, high] = [0.1, 0.5, 0.9].map(q => quantile(list, q).toFixed(digits));
  return `${middle} (${low} … ${high})`;
}

/** A row of each kind at the lung window. */
async function picture(path) {
  const side = 256;
  const tiles = [];
  for (const [i, kind] of Object.values(kinds).entries()) {
    const step = Math.max(1, Math.floor(kind.length / 5));
    for (const [j, { hu }] of kind
      .filter((_, k) => k % step === 0)
      .slice(0, 5)
      .entries()) {
      const [height, width] = hu.shape;
      const grey = Uint8Array.from(hu.data, v => Math.min(255, Math.max(0, (255 * (v + 1250)) / 1500)));
      const input = await sharp(grey, { raw: { width, height, channels: 1 } })
        .resize(side, side)
        .png()
        .toBuffer();
      tiles.push({ input, left: j * side, top: i * side });
    }
  }
  await sharp({ create: { width: 5 * side, height: 3 * side, channels: 3, background: 'black' } })
    .composite(tiles)
    .toFile(path);
}
