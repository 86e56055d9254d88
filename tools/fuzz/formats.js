import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { zipSync } from 'fflate';
import * as h5 from 'h5wasm';
import sharp from 'sharp';
import { builtinRegistry } from '../../dist/builtin.js';
import { readSuite } from '../../dist/config/suite.js';
import { CtXaiError } from '../../dist/core/errors.js';
import { createRng } from '../../dist/core/rng.js';
import { parseCsv } from '../../dist/data/files/csv.js';
import { openFile } from '../../dist/data/open-file.js';
import { decodeImage } from '../../dist/data/pixels/decode.js';
import { readModelFile } from '../../dist/engines/onnx/load/file.js';
import { readModelFiles } from '../../dist/engines/tfjs/keras/model-files.js';
import { outlineOf } from '../../dist/engines/tfjs/tfjs-engine.js';
import { openJournal } from '../../dist/results/journal.js';
import { readManifest } from '../../dist/results/manifest.js';
import { damaged } from './damage.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const golden = join(root, 'test', 'golden');
const tfjs = join(root, 'models', 'phantom-cnn', 'tfjs');
const { readers } = builtinRegistry();

/** Files of test/golden, by their endings. */
function goldenFiles(folders, ending) {
  const paths = folders.flatMap(folder => readdirSync(join(golden, folder)).map(name => join(golden, folder, name)));
  return paths
    .filter(path => ending.test(path))
    .map(path => ({ name: path.split('/').at(-1), bytes: readFileSync(path) }));
}

const throughReader = options => async path => {
  const sample = await openFile(path, readers, options);
  await sample.load();
};

const readModel = async path => {
  const files = await readModelFiles(path);
  outlineOf(files, undefined);
};

/**
 * The formats: sound files to begin from, and what reads one.
 * @type {Readonly<Record<string, { text?: boolean, samples: () => Promise<{ name: string, bytes: Buffer }[]>, read: (path: string) => Promise<unknown> }>>}
 */
export const FORMATS = {
  image: { samples: pictures, read: path => decodeImage(path) },
  onnx: { samples: async () => goldenFiles(['.'], /\.onnx$/), read: async path => readModelFile(path) },
  'model.json': {
    text: true,
    samples: async () => [{ name: 'model.json', bytes: readFileSync(join(tfjs, 'model.json')) }],
    read: readModel,
  },
  h5: { samples: async () => [{ name: 'model.h5', bytes: await kerasH5() }], read: readModel },
  keras: { samples: async () => [{ name: 'model.keras', bytes: await kerasArchive() }], read: readModel },
  npy: {
    samples: async () => goldenFiles(['.'], /tiny-densenet\.(input|grad-cam)\.npy$/),
    read: throughReader({ use: 'npy' }),
  },
  csv: {
    text: true,
    samples: async () => [{ name: 'index.csv', bytes: Buffer.from(CSV) }],
    read: async path => parseCsv(readFileSync(path), 'index.csv'),
  },
  yaml: {
    text: true,
    samples: async () =>
      ['quickstart.yaml', 'phantom-truth.yaml'].map(name => ({
        name,
        bytes: readFileSync(join(root, 'configs', name)),
      })),
    read: path => readSuite(path, {}),
  },
  journal: {
    text: true,
    samples: async () => [{ name: 'results.jsonl', bytes: Buffer.from(JOURNAL) }],
    read: readJournal,
  },
  manifest: {
    text: true,
    samples: async () => [{ name: 'manifest.json', bytes: Buffer.from(JSON.stringify(MANIFEST)) }],
    read: path => readManifest(join(path, '..')),
  },
  dicom: {
    samples: async () => goldenFiles(['dicom/syntax', 'dicom/frames', 'dicom/study/outlines'], /\.dcm$/),
    read: throughReader({ use: 'dicom' }),
  },
  nifti: { samples: async () => goldenFiles(['volumes'], /\.nii(\.gz)?$/), read: throughReader({ use: 'nifti' }) },
  metaimage: { samples: async () => goldenFiles(['volumes'], /\.mha$/), read: throughReader({ use: 'metaimage' }) },
};

/** Errors that say of a file what is wrong with it. All others are faults of the reader. */
const FAULTS = ['TypeError', 'RangeError', 'ReferenceError', 'SyntaxError', 'AssertionError'];

/**
 * Damages files of a format, and reads them.
 * @param {string} format
 * @param {{ files: number, seed: string | number, folder: string, first?: number, began?: (i: number, path: string) => void }} options
 *   `first`: the number of the first file, to go on behind one; `began` is told before each file is read
 * @returns {Promise<{ number: number, path: string, error: string }[]>} the files whose reader failed in a way of its own
 */
export async function fuzz(format, { files, seed, folder, first = 0, began = () => {} }) {
  const { text = false, samples, read } = FORMATS[format];
  const sound = await samples();
  const faults = [];
  for (let i = first; i < files; i++) {
    const rng = createRng(seed).fork('fuzz', format, i);
    const { name, bytes } = sound[rng.int(sound.length)];
    const dir = join(folder, `${format}-${i}`);
    mkdirSync(dir, { recursive: true });
    if (format === 'model.json')
      for (const file of readdirSync(tfjs)) if (file.endsWith('.bin')) cpSync(join(tfjs, file), join(dir, file));
    const path = join(dir, name);
    writeFileSync(path, damaged(bytes, rng, text));
    began(i, path);
    const error = await read(path).then(
      () => undefined,
      found => found,
    );
    if (
      error !== undefined &&
      !(error instanceof CtXaiError) &&
      (!(error instanceof Error) || FAULTS.includes(error.name))
    ) {
      faults.push({ number: i, path, error: error?.stack ?? String(error) });
    } else rmSync(dir, { recursive: true });
  }
  return faults;
}

async function pictures() {
  const pixels = Uint8Array.from({ length: 24 * 20 * 3 }, (_, i) => (i * 37) % 251);
  const raw = channels => sharp(pixels.subarray(0, 24 * 20 * channels), { raw: { width: 24, height: 20, channels } });
  const wide = sharp(
    Uint16Array.from({ length: 24 * 20 }, (_, i) => i * 131),
    { raw: { width: 24, height: 20, channels: 1 } },
  );
  return [
    { name: 'a.png', bytes: await raw(3).png().toBuffer() },
    { name: 'b.png', bytes: await wide.toColourspace('grey16').png().toBuffer() },
    { name: 'c.png', bytes: await raw(1).png({ palette: true }).toBuffer() },
    { name: 'd.jpg', bytes: await raw(3).jpeg().toBuffer() },
    { name: 'e.tif', bytes: await raw(1).tiff({ compression: 'lzw' }).toBuffer() },
    { name: 'f.tif', bytes: await wide.toColourspace('grey16').tiff({ compression: 'none' }).toBuffer() },
    { name: 'g.bmp', bytes: bitmap(pixels) },
  ];
}

function bitmap(pixels) {
  const header = Buffer.alloc(54);
  header.write('BM');
  header.writeUInt32LE(54 + pixels.length, 2);
  header.writeUInt32LE(54, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(24, 18);
  header.writeInt32LE(20, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(24, 28);
  return Buffer.concat([header, pixels]);
}

const layer = (class_name, name, config, ...inputs) => ({
  class_name,
  name,
  config: { name, ...config },
  inbound_nodes: inputs.map(input => [[input, 0, 0, {}]]),
});

const LAYERS = [
  layer('InputLayer', 'in', { batch_input_shape: [null, 8, 8, 1], dtype: 'float32' }),
  layer('Conv2D', 'conv', { filters: 2, kernel_size: [3, 3], padding: 'same', activation: 'relu' }, 'in'),
  layer('GlobalAveragePooling2D', 'pool', {}, 'conv'),
  layer('Dense', 'out', { units: 2, activation: 'softmax' }, 'pool'),
];
const MODEL = {
  class_name: 'Functional',
  config: { name: 'm', layers: LAYERS, input_layers: [['in', 0, 0]], output_layers: [['out', 0, 0]] },
};
const WEIGHTS = { conv: { kernel: [3, 3, 1, 2], bias: [2] }, out: { kernel: [2, 2], bias: [2] } };
const numbers = shape => Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i));

async function h5File(fill) {
  const { FS } = await h5.ready;
  const file = new h5.File('/made.h5', 'w');
  fill(file);
  file.close();
  return Buffer.from(FS.readFile('/made.h5'));
}

const kerasH5 = () =>
  h5File(file => {
    file.create_attribute('keras_version', '2.15.0');
    file.create_attribute('model_config', JSON.stringify(MODEL));
    const all = file.create_group('model_weights');
    all.create_attribute('layer_names', Object.keys(WEIGHTS));
    for (const [name, weights] of Object.entries(WEIGHTS)) {
      const group = all.create_group(name);
      group.create_attribute(
        'weight_names',
        Object.keys(weights).map(role => `${name}/${role}:0`),
      );
      const inner = group.create_group(name);
      for (const [role, shape] of Object.entries(weights))
        inner.create_dataset({ name: `${role}:0`, data: numbers(shape), shape, dtype: '<f' });
    }
  });

async function kerasArchive() {
  const weights = await h5File(file => {
    const all = file.create_group('layers');
    for (const [name, shapes] of Object.entries(WEIGHTS)) {
      const vars = all.create_group(name).create_group('vars');
      vars.create_attribute('name', name);
      for (const [i, shape] of Object.values(shapes).entries())
        vars.create_dataset({ name: String(i), data: numbers(shape), shape, dtype: '<f' });
    }
  });
  const json = value => Buffer.from(JSON.stringify(value));
  return Buffer.from(
    zipSync({
      'metadata.json': json({ keras_version: '3.4.1' }),
      'config.json': json(MODEL),
      'model.weights.h5': weights,
    }),
  );
}

const CSV = 'file,label,patient,mask,spacing\na.png,yes,p1,m/a.png,0.7\n"b, c.png",no,p2,,"0.7 0.8"\nd.png,no,p1,,\n';

const names = { model: 'm', sample: 's', method: 'lime', status: 'ok' };
const ROWS = [
  {
    kind: 'sample',
    model: 'm',
    sample: 's',
    index: 0,
    source: 'a.png',
    patient: 'p',
    status: 'ok',
    probabilities: [0.2, 0.8],
  },
  { kind: 'map', ...names, file: 'attributions/m/lime/s.npy', passes: { forward: 1, backward: 0 }, notes: { a: 'b' } },
  { kind: 'score', ...names, metric: 'deletion', value: 0.5, curve: { fraction: [0, 1], score: [1, 0] } },
  { kind: 'item', ...names, metric: 'consistency', item: [1, 2] },
  { kind: 'group', model: 'm', method: 'lime', metric: 'consistency', status: 'ok', maps: 1, value: 0.3 },
  {
    kind: 'timing',
    model: 'm',
    engine: 'onnx',
    device: 'cpu',
    method: 'lime',
    samples: 3,
    status: 'ok',
    wallMs: { mean: 1, p50: 1, min: 1 },
  },
  { kind: 'budget', ...names, patient: 'p', budget: 50, values: { deletion: 0.4 } },
];
const JOURNAL = `${ROWS.map(row => JSON.stringify(row)).join('\n')}\n`;

async function readJournal(path) {
  const journal = await openJournal(path, { write: false });
  try {
    for (const [model, samples] of journal.index.samples)
      for (const sample of samples.keys()) await journal.rowsOf(model, sample);
    await journal.rowsBesideSamples();
  } finally {
    await journal.close();
  }
}

const part = { id: 'lime', name: 'lime', title: 'LIME', cite: 'none', options: {} };
const MANIFEST = {
  ...{ formatVersion: 1, name: 'n', planDigest: 'abc', state: 'complete', command: 'ct-xai run', suite: {}, seed: '0' },
  ...{ versions: { node: 'v20' }, hardware: { cpu: 'c', cores: 2, memoryGb: 8, os: 'linux' }, startedAt: '2026-01-01' },
  ...{ resumed: 0, dataset: { name: 'd', digest: 'e', count: 1, labels: ['no', 'yes'] }, target: 'predicted' },
  models: [{ id: 'm', digest: 'f', classes: ['no', 'yes'], task: 'softmax' }],
  methods: [{ ...part, kind: 'regional', role: 'method' }],
  metrics: [{ ...part, category: 'faithfulness', better: 'lower', range: [0, 1] }],
};
