/**
 * Reading CT: how long it takes to find out what a large folder of DICOM slices holds, what memory that takes, how long a
 * CT of 148 slices takes to open, and what reading and preparing a slice costs beside one forward pass.
 *
 *   npm run build && npm run perf:data -- [--slices 20000] [--compressed FOLDER]
 *
 * The slices are made by the script. --compressed names a folder of real, compressed files to read as well.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { builtinRegistry } from '../dist/builtin.js';
import { inspectData } from '../dist/data/inspect/inspect-data.js';
import { prepare } from '../dist/data/preparation/prepare.js';
import { encodeModel } from '../dist/engines/onnx/graph/proto.js';
import { ctSlice } from './data-slices.js';
import { densenet121 } from './densenet121.js';

const { values } = parseArgs({
  options: {
    slices: { type: 'string', default: '20000' },
    compressed: { type: 'string' },
    inspect: { type: 'string' },
  },
});
const SIDE = 224;
const SERIES = 200;
const { readers } = builtinRegistry();
const open = path => readers.get('dicom').open(readers.get('dicom').options.parse({ path }), { base: '.' });
const seconds = since => (performance.now() - since) / 1000;

if (values.inspect) await inspectOnly(values.inspect);
else await main();

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'ct-xai-data-'));
  try {
    console.log(`${cpus()[0].model}, Node ${process.version}`);
    const most = Number(values.slices);
    for (const count of [Math.round(most / 10), most]) inspectApart(folder, count);
    const series = join(folder, 'series');
    writeSlices(series, 148, 512);
    await timeSeries('148 slices × 512², 16 bits', series);
    if (values.compressed) await timeSeries('compressed files', values.compressed);
    await timeForward(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function writeSlices(folder, count, side) {
  for (let i = 0; i < count; i++) {
    const series = Math.floor(i / SERIES);
    const dir = join(folder, `s${series}`);
    if (i % SERIES === 0) mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, `IM${i % SERIES}`), ctSlice({ series, slice: i % SERIES, side }));
  }
}

/** In a process of its own, whose greatest memory is measured. */
function inspectApart(folder, count) {
  const path = join(folder, `of-${count}`);
  writeSlices(path, count, 32);
  const self = fileURLToPath(import.meta.url);
  process.stdout.write(execFileSync(process.execPath, [self, '--inspect', path]));
  rmSync(path, { recursive: true });
}

async function inspectOnly(path) {
  const start = performance.now();
  const dataset = await open(path);
  const opened = seconds(start);
  const found = await inspectData(dataset);
  const memory = process.resourceUsage().maxRSS / 1024;
  console.log(
    `${dataset.count} slices of ${found.patients} patients: opened in ${opened.toFixed(1)} s, inspected in ` +
      `${seconds(start).toFixed(1)} s, ${found.pixels.read} of them decoded; greatest memory ${memory.toFixed(0)} MiB`,
  );
}

async function timeSeries(name, path) {
  const start = performance.now();
  const dataset = await open(path);
  const opened = seconds(start);
  let [reading, preparing] = [0, 0];
  const card = cardOf();
  for await (const sample of dataset.samples()) {
    let at = performance.now();
    const { source } = await sample.load();
    reading += performance.now() - at;
    at = performance.now();
    prepare(source, card, sample.id);
    preparing += performance.now() - at;
  }
  const each = ms => (ms / dataset.count).toFixed(1);
  console.log(
    `${name}: opened in ${opened.toFixed(2)} s, all ${dataset.count} read in ${(reading / 1000).toFixed(2)} s; a slice: ` +
      `${each(reading)} ms to read, ${each(preparing)} ms to prepare for ${SIDE}²`,
  );
}

function cardOf() {
  return {
    id: 'bench',
    input: { size: [SIDE, SIDE], channels: 1, layout: 'nchw' },
    resize: { fit: 'stretch', antialias: true, round: false },
    intensity: { unit: 'HU', window: [-1150, 350], air: -1000, steps: [] },
  };
}

async function timeForward(folder) {
  const file = join(folder, 'densenet121.onnx');
  writeFileSync(file, encodeModel(densenet121(SIDE, 1, 2)));
  const session = await InferenceSession.create(file);
  const input = new Tensor('float32', new Float32Array(SIDE * SIDE), [1, 1, SIDE, SIDE]);
  const pass = () => session.run({ [session.inputNames[0]]: input });
  for (let i = 0; i < 3; i++) await pass();
  const times = [];
  for (let i = 0; i < 15; i++) {
    const at = performance.now();
    await pass();
    times.push(performance.now() - at);
  }
  const median = times.sort((a, b) => a - b)[7];
  console.log(`one forward pass of DenseNet-121 at ${SIDE}² on all cores: ${median.toFixed(1)} ms`);
}
