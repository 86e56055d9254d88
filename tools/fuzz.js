// Damages files of every format that is read, and reads them: npm run fuzz -- [--files N] [--seed S] [--only FORMAT…]
// A reader may refuse a file with a reason; it may not fail in a way of its own, or take longer than LIMIT_MS.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { FORMATS, fuzz } from './fuzz/formats.js';

const LIMIT_MS = 20_000;

if (isMainThread) await main();
else {
  const began = (number, path) => parentPort.postMessage({ number, path });
  parentPort.postMessage({ faults: await fuzz(workerData.format, { ...workerData, began }) });
}

async function main() {
  const { values } = parseArgs({
    options: {
      files: { type: 'string', default: '10000' },
      seed: { type: 'string', default: '1' },
      only: { type: 'string', multiple: true, default: Object.keys(FORMATS) },
    },
  });
  let failed = 0;
  for (const format of values.only) {
    const folder = mkdtempSync(join(tmpdir(), 'ct-xai-fuzz-'));
    const start = performance.now();
    const faults = await fuzzApart(format, { files: Number(values.files), seed: values.seed, folder });
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    console.log(`${format}: ${values.files} files, ${faults.length} faults, ${seconds} s`);
    for (const { number, path, error } of faults.slice(0, 5)) console.log(`  file ${number}, ${path}\n    ${error}`);
    if (faults.length === 0) rmSync(folder, { recursive: true });
    failed += faults.length;
  }
  process.exitCode = failed > 0 ? 1 : 0;
}

/** In a thread: one that hangs, or breaks, is ended, and the next begins behind the file that did it. */
async function fuzzApart(format, options) {
  const faults = [];
  for (let first = 0; first < options.files; ) {
    const ended = await oneThread(format, { ...options, first });
    faults.push(...ended.faults);
    first = ended.next;
  }
  return faults;
}

function oneThread(format, options) {
  return new Promise(resolve => {
    const worker = new Worker(new URL(import.meta.url), { workerData: { format, ...options } });
    let last = { number: options.first, path: options.folder };
    let timer;
    const stop = error => {
      clearTimeout(timer);
      void worker.terminate();
      resolve({ faults: [{ ...last, error }], next: last.number + 1 });
    };
    const watch = () => {
      clearTimeout(timer);
      timer = setTimeout(() => stop(`it took more than ${LIMIT_MS} ms`), LIMIT_MS);
    };
    watch();
    worker.on('error', error => stop(error.stack ?? String(error)));
    worker.on('message', message => {
      watch();
      if ('number' in message) last = message;
      else {
        clearTimeout(timer);
        resolve({ faults: message.faults, next: options.files });
        void worker.terminate();
      }
    });
  });
}
