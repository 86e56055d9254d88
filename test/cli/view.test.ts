import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createProgressWriter } from '../../src/cli/run/write-progress.ts';
import type { findRuns } from '../../src/cli/view/find-runs.ts';
import { createRunServer } from '../../src/cli/view/run-server.ts';
import { PROGRESS_FILE, readProgress } from '../../src/results/progress-file.ts';
import { noBrowser, openBrowser, seriousFaults } from '../support/browser.ts';
import { cli, ROOT } from './fixture.ts';

const root = mkdtempSync(join(tmpdir(), 'view-'));
const HOSTILE = '<img src=x onerror="document.title=\'owned\'"> "&amp;\u202eabc';
const server = createRunServer(root);
let port: number;

/** Makes a run folder out of the sample. */
function runFolder(path: string, change: Record<string, unknown> = {}): string {
  const dir = join(root, path);
  mkdirSync(dir, { recursive: true });
  const sample = join(ROOT, 'reports/sample');
  const manifest = JSON.parse(readFileSync(join(sample, 'manifest.json'), 'utf8')) as object;
  writeFileSync(join(dir, 'manifest.json'), JSON.stringify({ ...manifest, ...change }));
  cpSync(join(sample, 'scores.csv'), join(dir, 'scores.csv'));
  writeFileSync(join(dir, 'index.html'), '<!doctype html><title>report</title><p>the report');
  return dir;
}

beforeAll(async () => {
  runFolder('study/done');
  const working = runFolder('study/working', { name: HOSTILE, state: 'running' });
  const record = { at: Date.now() + 3_600_000, done: 30, total: 120, failed: 2, what: 'explain', workers: [] };
  writeFileSync(join(working, PROGRESS_FILE), JSON.stringify(record));
  runFolder('study/killed', { state: 'running' });
  mkdirSync(join(root, 'study/broken'));
  writeFileSync(join(root, 'study/broken/manifest.json'), '{');
  writeFileSync(join(root, 'secret.csv'), 'not in a run');
  symlinkSync(join(root, 'secret.csv'), join(root, 'study/done/link.csv'));
  writeFileSync(join(root, 'study/done/notes.exe'), 'x');
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(root, { recursive: true });
});

/** The path goes out as it is: fetch would tidy it. */
async function get(path: string, { host = `localhost:${port}`, method = 'GET' } = {}) {
  const asked = request({ port, host: '127.0.0.1', path, method, headers: { host } }).end();
  const [response] = await once(asked, 'response');
  let body = '';
  for await (const piece of response) body += piece;
  return { status: response.statusCode as number, body, headers: response.headers as Record<string, string> };
}

describe('the server of runs', () => {
  it('serves the index and the files of runs, with their types', async () => {
    expect(await get('/')).toMatchObject({ status: 200, body: expect.stringContaining('<h1>Runs</h1>') });
    expect(await get('/run/study/done/index.html')).toMatchObject({
      status: 200,
      body: expect.stringContaining('the report'),
    });
    const { headers, body } = await get('/run/study/done/scores.csv');
    expect(headers['content-type']).toContain('text/csv');
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(body).toBe(readFileSync(join(root, 'study/done/scores.csv'), 'utf8'));
  });

  it.each([
    '/run/study/done/../../secret.csv',
    '/run/study/done/..%2f..%2fsecret.csv',
    '/run/study/done/%2e%2e/%2e%2e/secret.csv',
    '/run/secret.csv',
    '/run/study/done/link.csv',
    '/run//etc/passwd',
    '/run/study/done/notes.exe',
    '/run/study/done/',
    '/run/study/done/missing.csv',
    '/run/study/done/index.html%00.csv',
    '/secret.csv',
  ])('does not serve %s', async path => {
    const { status, body } = await get(path);
    expect(status).toBe(404);
    expect(body).not.toContain('not in a run');
  });

  it('answers no other name, and nothing but reading', async () => {
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', 'localhost']) {
      expect((await get('/', { host })).status, host).toBe(403);
    }
    expect(await get('/', { host: `127.0.0.1:${port}` })).toMatchObject({ status: 200 });
    for (const method of ['POST', 'PUT', 'DELETE']) expect(await get('/', { method })).toMatchObject({ status: 405 });
    expect(await get('/run/%zz')).toMatchObject({ status: 400 });
  });

  it('says of each run how it stands', async () => {
    const runs = JSON.parse((await get('/runs.json')).body) as Awaited<ReturnType<typeof findRuns>>;
    const state = Object.fromEntries(runs.map(r => [r.path, r.state]));
    expect(state).toEqual({
      'study/done': 'complete',
      'study/working': 'works',
      'study/killed': 'stopped',
      'study/broken': 'damaged',
    });
    expect(runs.find(r => r.state === 'works')).toMatchObject({ name: HOSTILE, progress: { done: 30, total: 120 } });
  });

  it('serves a folder that is itself a run', async () => {
    const one = createRunServer(join(root, 'study/done')).listen(0, '127.0.0.1');
    await once(one, 'listening');
    const at = `http://localhost:${(one.address() as AddressInfo).port}`;
    const answers = await Promise.all(['/run/index.html', '/run/scores.csv'].map(path => fetch(at + path)));
    expect(answers.map(a => a.status)).toEqual([200, 200]);
    await Promise.all(answers.map(a => a.arrayBuffer()));
    one.closeAllConnections();
    one.close();
  });
});

const title = noBrowser === undefined ? 'the index in Chromium' : `the index in Chromium (skipped: ${noBrowser})`;
describe.skipIf(noBrowser !== undefined)(title, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  it('shows names as text, follows progress, and leads to the report', async () => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', error => complaints.push(error.message));
    await page.goto(`http://localhost:${port}/`);
    await page.getByText('4 runs').waitFor();
    expect(await page.getByRole('heading', { level: 2 }).allTextContents()).toContain(HOSTILE);
    expect(await page.title()).toBe('Runs of ct-xai-bench');
    const bar = page.locator('progress');
    expect(await bar.getAttribute('value')).toBe('30');
    expect(await bar.getAttribute('max')).toBe('120');
    expect(await page.getByText('30 of 120 units done').count()).toBe(1);
    const file = join(root, 'study/working', PROGRESS_FILE);
    writeFileSync(file, readFileSync(file, 'utf8').replace('"done":30', '"done":90'));
    await page.getByText('90 of 120 units done').waitFor();
    expect(await seriousFaults(page)).toEqual([]);
    await page.locator('a[href="/run/study/done/index.html"]').click();
    await page.getByText('the report').waitFor();
    expect(complaints).toEqual([]);
    await page.close();
  });
});

describe('progress of a run', () => {
  it('is written while it works and gone at its end', async () => {
    const dir = join(root, 'progress');
    mkdirSync(dir);
    const writer = createProgressWriter();
    writer.on({ kind: 'start', dir, rows: 0, resumed: false, images: 2 });
    writer.on({ kind: 'phase', phase: 'explain', model: 'm' });
    await expect.poll(() => readProgress(dir), { timeout: 20_000 }).toMatchObject({ done: 0, what: 'explain, m' });
    await writer.end();
    expect(existsSync(join(dir, PROGRESS_FILE))).toBe(false);
  });

  it('does not end a run whose folder can’t be written', async () => {
    const writer = createProgressWriter();
    writer.on({ kind: 'start', dir: '/dev/null/run', rows: 0, resumed: false, images: 2 });
    writer.on({ kind: 'phase', phase: 'explain' });
    await writer.end();
  });
});

it.each([
  [['/no/such/folder'], 'there is no folder'],
  [['.', '--port', '70000'], '--port 70000'],
])('refuses %j', async (args, message) => {
  expect(await cli('view', ...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(message) });
});
