/**
 * A report of many images and explainers: its size, the time to write it, and how it behaves in Chromium. The run is
 * made up: noisy slices of 224 × 224 pixels in Hounsfield units, half of the maps smooth, half of them noise.
 *
 *   npm run build && node bench/large-report.js [--images 500] [--explainers 10] [--out FOLDER]
 *
 * The folder needs about 1.6 GB at 500 × 10 and is removed unless --out names it.
 */
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { reportRun } from '../dist/cli/report/report-run.js';
import { createRng } from '../dist/core/rng.js';
import { tensor } from '../dist/core/tensor.js';
import { openRunFolder } from '../dist/results/folder.js';
import { FORMAT_VERSION } from '../dist/results/rows.js';

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '500' },
    explainers: { type: 'string', default: '10' },
    out: { type: 'string' },
  },
});
const SIZE = 224;
const MODEL = 'made-up';
const METRICS = ['deletion', 'insertion', 'srg', 'pointing-game', 'relevance-mass'];
const [images, explainers] = [Number(values.images), Number(values.explainers)];
const dir = values.out ?? mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'ct-xai-large-'));

const part = id => ({ id, name: id, title: id, cite: '', options: {} });
const methods = Array.from({ length: explainers }, (_, i) => `explainer-${String(i + 1).padStart(2, '0')}`);
const manifest = {
  formatVersion: FORMAT_VERSION,
  name: `${images} images, ${explainers} explainers`,
  planDigest: 'a made-up run',
  state: 'running',
  command: 'node bench/large-report.js',
  suite: { output: { gallery: images } },
  seed: '1',
  versions: {},
  hardware: { cpu: '', cores: 1, memoryGb: 1, os: '' },
  startedAt: '2026-01-01T00:00:00Z',
  resumed: 0,
  dataset: { name: 'made up', digest: '', count: images, labels: ['negative', 'positive'] },
  models: [{ id: MODEL, digest: '', classes: ['negative', 'positive'], task: 'softmax' }],
  methods: methods.map(id => ({ ...part(id), kind: 'ranking', role: 'method' })),
  metrics: METRICS.map(id => ({ ...part(id), category: 'faithfulness', better: 'higher', range: [0, 1] })),
  target: 'positive',
};

async function makeRun() {
  const folder = await openRunFolder(dir, manifest, true);
  for (let i = 0; i < images; i++) {
    const rng = createRng('large', i);
    const sample = `image-${String(i).padStart(3, '0')}`;
    const positive = i % 2 === 0;
    const p = rng.next();
    const [y, x] = [60 + 100 * rng.next(), 60 + 100 * rng.next()];
    const near = (r, c, s) => Math.exp(-((r - y) ** 2 + (c - x) ** 2) / (2 * s * s));
    const grid = of =>
      tensor(
        [SIZE, SIZE],
        Float32Array.from({ length: SIZE * SIZE }, (_, at) => of(Math.floor(at / SIZE), at % SIZE)),
      );
    const slice = grid((r, c) => {
      const body = ((r - 112) / 80) ** 2 + ((c - 112) / 104) ** 2 < 1;
      const lung = ((r - 105) / 55) ** 2 + ((Math.abs(c - 112) - 50) / 35) ** 2 < 1;
      return (lung ? -850 + 500 * near(r, c, 12) : body ? 40 : -1000) + 30 * rng.normal();
    });
    await folder.put(
      {
        kind: 'sample',
        model: MODEL,
        sample,
        index: i,
        source: sample,
        patient: `patient ${i >> 1}`,
        status: 'ok',
        label: positive ? 'positive' : 'negative',
        predicted: p > 0.5 ? 'positive' : 'negative',
        probabilities: [1 - p, p],
        target: 'positive',
        targetProbability: p,
        hasMask: true,
        intensity: { unit: 'HU', window: [-1350, 150] },
      },
      {
        slice,
        view: tensor(
          slice.shape,
          slice.data.map(v => (v + 1350) / 1500),
        ),
        mask: grid((r, c) => Number(near(r, c, 12) > 0.5)),
      },
    );
    for (const [k, method] of methods.entries()) {
      const map = grid((r, c) => near(r, c, 8 + 3 * k) - 0.1 + (k % 2 ? 0.5 * rng.normal() : 0));
      await folder.put({ kind: 'map', model: MODEL, sample, method, target: 'positive', status: 'ok' }, { map });
      for (const metric of METRICS) {
        const value = Math.max(0, Math.min(1, 0.4 + 0.02 * k + 0.2 * rng.normal()));
        await folder.put({
          kind: 'score',
          model: MODEL,
          sample,
          method,
          metric,
          target: 'positive',
          status: 'ok',
          value,
        });
      }
    }
  }
  await folder.updateManifest({ state: 'complete' });
  await folder.close();
}

const said = (what, value) => console.log(`${what.padEnd(58)} ${value}`);
const mb = bytes => `${(bytes / 1e6).toFixed(1)} MB`;

async function openPage() {
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--enable-precise-memory-info', '--js-flags=--expose-gc'],
  });
  const page = await browser.newPage({ viewport: { width: 1366, height: 768 } });
  page.on('pageerror', error => said('error in the page', error.message));
  const begun = performance.now();
  await page.goto(pathToFileURL(join(dir, 'index.html')).href);
  await page.locator('article.case canvas').first().waitFor();
  said('opened, first image drawn', `${Math.round(performance.now() - begun)} ms`);
  const memory = async () => mb(await page.evaluate('globalThis.gc?.(), performance.memory.usedJSHeapSize'));
  said('memory of scripts', await memory());
  const timed = code =>
    page.evaluate(`(async () => { const begun = performance.now(); ${code};
      await new Promise(done => requestAnimationFrame(() => setTimeout(done))); return performance.now() - begun; })()`);
  const use = (name, value) =>
    `const field = document.querySelector('#gallery form [name="${name}"]'); field.value = '${value}'; field.dispatchEvent(new Event('input', { bubbles: true }))`;
  for (const [name, value] of [
    ['sort', 'disagreement'],
    ['sort', 'worst'],
    ['outcome', 'wrong'],
    ['outcome', ''],
    ['most', '0.2'],
    ['level', '-500'],
    ['opacity', '40'],
  ]) {
    await page.waitForTimeout(300);
    said(`${name} = ${value || 'all'}`, `${Math.round(await timed(use(name, value)))} ms`);
  }
  await page.evaluate(use('most', ''));
  const steps = 40;
  await page.evaluate(`(async () => { const cases = document.querySelector('.cases');
    for (let i = 0; i <= ${steps}; i++) { cases.scrollTop = i / ${steps} * cases.scrollHeight; await new Promise(done => setTimeout(done, 150)); } })()`);
  await page.locator('article.case').last().locator('canvas').first().waitFor();
  said('memory of scripts after scrolling through all', await memory());
  said('pictures drawn then', await page.locator('article.case canvas').count());
  await browser.close();
}

try {
  let begun = performance.now();
  if (!existsSync(join(dir, 'manifest.json'))) {
    await makeRun();
    said('the run was made in', `${Math.round((performance.now() - begun) / 1000)} s`);
  }
  begun = performance.now();
  await reportRun({ dir, gallery: images, curvesCsv: false, pictures: true });
  said('the report was written in', `${Math.round((performance.now() - begun) / 1000)} s`);
  said('most memory of the process', mb(process.resourceUsage().maxRSS * 1024));
  said('index.html', mb(statSync(join(dir, 'index.html')).size));
  const beside = existsSync(join(dir, 'gallery')) ? readdirSync(join(dir, 'gallery')) : [];
  said(
    `${beside.length} scripts beside it`,
    mb(beside.reduce((n, f) => n + statSync(join(dir, 'gallery', f)).size, 0)),
  );
  await openPage();
} finally {
  if (values.out === undefined) rmSync(dir, { recursive: true, force: true });
}
