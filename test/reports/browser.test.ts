import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { analyse } from '../../src/reports/analysis/analyse.ts';
import { verdictOf } from '../../src/reports/analysis/verdict.ts';
import { escapeHtml } from '../../src/reports/page/markup.ts';
import { type FixtureOptions, fixture } from './fixture.ts';
import { elementsOf, rendered } from './render.ts';

const CHROMIUM = '/usr/bin/chromium';
const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

interface Seen {
  /** Pixels by which the page is wider than its frame. */
  readonly overflow: number;
  readonly elements: Record<string, number>;
  readonly title: string;
}

/** Lays the page out in frames of these widths and says what the browser made of it. */
async function openIn(page: string, widths: readonly number[]): Promise<Seen[]> {
  const dir = await mkdtemp(join(tmpdir(), 'ct-xai-page-'));
  try {
    const script = `addEventListener('load', () => {
      const all = Array.from({ length: frames.length }, (_, i) => frames[i]).map(frame => {
        const seen = frame.document;
        const elements = {};
        for (const e of seen.querySelectorAll('*')) elements[e.localName] = (elements[e.localName] ?? 0) + 1;
        const overflow = seen.documentElement.scrollWidth - seen.documentElement.clientWidth;
        return { overflow, elements, title: seen.querySelector('h1').textContent };
      });
      document.body.textContent = JSON.stringify(all);
    })`;
    const iframes = widths.map(w => `<iframe style="width:${w}px;height:900px" srcdoc="${escapeHtml(page)}"></iframe>`);
    const file = join(dir, 'page.html');
    await writeFile(file, `<!doctype html><meta charset="utf-8"><body>${iframes.join('')}<script>${script}</script>`);
    const { stdout } = await promisify(execFile)(
      CHROMIUM,
      [...FLAGS, `--user-data-dir=${join(dir, 'profile')}`, '--dump-dom', pathToFileURL(file).href],
      { maxBuffer: 1 << 26 },
    );
    const text = /<body>([\s\S]*)<\/body>/.exec(stdout)?.[1] ?? '';
    return JSON.parse(
      text
        .replace(/&lt;/g, '<')
        .replace(/&gt;/g, '>')
        .replace(/&nbsp;/g, ' ')
        .replace(/&amp;/g, '&'),
    );
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

const CASES: Readonly<Record<string, FixtureOptions>> = {
  'names that want to be markup, without spaces to break at': { hostile: true, images: 8, patients: 8 },
  'three classes, two models': { classes: ['normal', 'covid', 'other'], models: ['a', 'b'], images: 24, patients: 12 },
};

const name = existsSync(CHROMIUM) ? 'the page in Chromium' : `the page in Chromium (skipped: no ${CHROMIUM})`;
describe.skipIf(!existsSync(CHROMIUM))(name, () => {
  it.each(Object.entries(CASES))('of %s needs no repair and does not overflow', async (_, options) => {
    const run = await fixture(options);
    const page = (await rendered(run))['index.html'];
    const frames = await openIn(page, [360, 1280]);
    expect(frames.map(f => f.overflow)).toEqual([0, 0]);
    const written: Record<string, number> = {};
    for (const element of elementsOf(page)) written[element.name] = (written[element.name] ?? 0) + 1;
    expect(frames[0]?.elements).toEqual(written);
    const { question } = verdictOf(run.manifest, analyse(run));
    expect(frames[0]?.title).toBe(question.replace('\u0007', '\ufffd'));
  });
});
