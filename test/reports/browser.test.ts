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

const LAYOUT = `const elements = {};
  for (const e of seen.querySelectorAll('*')) elements[e.localName] = (elements[e.localName] ?? 0) + 1;
  const overflow = seen.documentElement.scrollWidth - seen.documentElement.clientWidth;
  return { overflow, elements, title: seen.querySelector('h1').textContent };`;

/** Uses the gallery as a reader does. */
const GALLERY = `const gallery = seen.getElementById('gallery');
  const named = name => gallery.querySelector('.tools [name="' + name + '"]');
  const visible = () => [...gallery.querySelectorAll('article.case')].filter(item => item.offsetHeight > 0);
  const set = (name, value) => {
    named(name).value = value;
    named(name).dispatchEvent(new frame.Event('input', { bubbles: true }));
  };
  const found = { all: visible().length, tools: gallery.querySelector('.tools').offsetHeight > 0 };
  found.width = Math.min(...[...gallery.querySelectorAll('.maps svg')].filter(e => e.clientWidth > 0).map(e => e.clientWidth));
  set('outcome', 'wrong');
  found.wrong = visible().map(item => item.dataset.outcome);
  found.count = gallery.querySelector('output').textContent;
  set('outcome', '');
  set('sort', 'worst');
  found.worst = visible().map(item => Number(item.dataset.worst));
  set('sort', 'disagreement');
  found.disagreement = visible().map(item => Number(item.dataset.disagreement));
  set('opacity', 30);
  found.opacity = gallery.style.getPropertyValue('--opacity');
  const box = gallery.querySelector('[name="method"][value="lime"]');
  box.checked = false;
  box.dispatchEvent(new frame.Event('input', { bubbles: true }));
  found.lime = [...gallery.querySelectorAll('figure[data-method="lime"]')].filter(e => e.offsetHeight > 0).length;
  visible()[0].focus();
  const press = key => seen.activeElement.dispatchEvent(new frame.KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
  press('j');
  found.next = visible().indexOf(seen.activeElement);
  press('k');
  found.back = visible().indexOf(seen.activeElement);
  press('o');
  found.off = gallery.style.getPropertyValue('--opacity');
  return found;`;

/** Lays the page out in frames of these widths and says what the browser made of it. */
async function openIn<T = Seen>(page: string, widths: readonly number[], probe = LAYOUT): Promise<T[]> {
  const dir = await mkdtemp(join(tmpdir(), 'ct-xai-page-'));
  try {
    const script = `addEventListener('load', () => {
      const all = Array.from({ length: frames.length }, (_, i) => frames[i]).map(frame => {
        const seen = frame.document;
        ${probe}
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

  it('the gallery filters, sorts, dims and follows keys', async () => {
    const page = (await rendered(await fixture({ images: 40, patients: 20, masks: true })))['index.html'];
    const [found] = await openIn<Record<string, unknown> & { worst: number[]; disagreement: number[] }>(
      page,
      [1280],
      GALLERY,
    );
    expect(found).toMatchObject({ all: 8, tools: true, opacity: '0.3', lime: 0, next: 1, back: 0, off: '0' });
    expect(found!.width).toBeGreaterThanOrEqual(256);
    expect(new Set(found!.wrong as string[])).toEqual(new Set(['wrong']));
    expect(found!.count).toBe(`${(found!.wrong as string[]).length} of 8 images`);
    expect(found!.worst).toEqual([...found!.worst].sort((a, b) => a - b));
    expect(found!.disagreement).toEqual([...found!.disagreement].sort((a, b) => b - a));
  });
});
