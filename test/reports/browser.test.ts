import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { analyse } from '../../src/reports/analysis/analyse.ts';
import { verdictOf } from '../../src/reports/analysis/verdict.ts';
import { noBrowser, onPage, openBrowser, seriousFaults } from '../support/browser.ts';
import { type FixtureOptions, fixture, HOSTILE, HOSTILE_PATIENT } from './fixture.ts';
import { elementsOf, rendered } from './render.ts';

const CASES: Readonly<Record<string, FixtureOptions>> = {
  'names that want to be markup, without spaces to break at': { hostile: true, images: 8, patients: 8 },
  'three classes, two models': { classes: ['normal', 'covid', 'other'], models: ['a', 'b'], images: 24, patients: 12 },
};

const USED: FixtureOptions = { images: 40, patients: 20, masks: true };

/** Pixels by which the page is wider than its frame. */
const overflow = (page: Page) =>
  page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth');
const shown = (page: Page) => page.locator('article.case:visible');
/** What is known of the images in sight, in their order. */
const known = (page: Page, key: string) =>
  page.evaluate<unknown[]>(`(() => {
    const { cases } = JSON.parse(document.getElementById('gallery-info').textContent);
    return [...document.querySelectorAll('article.case:not([hidden])')]
      .map(({ ariaLabel }) => cases.find(c => ariaLabel.startsWith(c.sample + ' by'))['${key}']);
  })()`);
const set = (page: Page, field: string, value: string) =>
  page.evaluate(`(() => {
    const field = document.querySelector('#gallery form [name="${field}"]');
    field.value = '${value}';
    field.dispatchEvent(new Event('input', { bubbles: true }));
  })()`);
/** The middle pixel of the picture at a place among those of the first image, after the page has drawn. */
const pixel = (page: Page, place: number) =>
  page.evaluate<number[]>(`new Promise(resolve => requestAnimationFrame(() => requestAnimationFrame(() => {
    const canvas = document.querySelectorAll('article.case:not([hidden]) canvas')[${place}];
    const { data } = canvas.getContext('2d').getImageData(canvas.width >> 1, canvas.height >> 1, 1, 1);
    resolve([...data.slice(0, 3)]);
  })))`);
const focused = (page: Page) =>
  page.evaluate<number>("[...document.querySelectorAll('article.case:not([hidden])')].indexOf(document.activeElement)");

const name = noBrowser === undefined ? 'the page in Chromium' : `the page in Chromium (skipped: ${noBrowser})`;
describe.skipIf(noBrowser !== undefined)(name, () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await openBrowser();
  });
  afterAll(() => browser?.close());

  it.each(Object.entries(CASES))('of %s needs no repair, no network, and does not overflow', async (_, options) => {
    const run = await fixture(options);
    const files = await rendered(run);
    const written: Record<string, number> = {};
    for (const element of elementsOf(files['index.html'])) written[element.name] = (written[element.name] ?? 0) + 1;
    const { question } = verdictOf(run.manifest, analyse(run));
    for (const width of [360, 1280]) {
      await onPage(browser, files, { width }, async ({ page, complaints }) => {
        await page.locator('article.case canvas').first().waitFor();
        expect(await overflow(page)).toBe(0);
        expect(await page.locator('h1').textContent()).toBe(question.replace('\u0007', '\ufffd'));
        expect(complaints).toEqual([]);
      });
    }
    // Without its script the page is what was written.
    const bare = files['index.html'].replace(/<script>[\s\S]*?<\/script>/, '<script></script>');
    await onPage(browser, { 'index.html': bare }, {}, async ({ page }) => {
      const elements = await page.evaluate<Record<string, number>>(`(() => {
        const counts = {};
        for (const e of document.querySelectorAll('*')) counts[e.localName] = (counts[e.localName] ?? 0) + 1;
        return counts;
      })()`);
      expect(elements).toEqual(written);
      expect(await page.locator('.stills article').count()).toBeGreaterThan(0);
      expect(await page.locator('.stills').isVisible()).toBe(true);
    });
  });

  it.each([false, true])('has no serious fault for readers who see or use it otherwise (dark: %s)', async dark => {
    const files = await rendered(await fixture(USED));
    await onPage(browser, files, { dark }, async ({ page }) => {
      await page.locator('article.case canvas').first().waitFor();
      await page.evaluate("document.querySelectorAll('details').forEach(d => d.setAttribute('open', ''))");
      expect(await seriousFaults(page)).toEqual([]);
    });
  });

  it('shows names with markup, quotes, right-to-left text and emoji as text', async () => {
    const run = await fixture({ hostile: true, images: 8, patients: 8 });
    await onPage(browser, await rendered(run), {}, async ({ page, complaints }) => {
      await page.locator('article.case canvas').first().waitFor();
      expect(await page.locator('article.case b').first().textContent()).toContain(HOSTILE);
      expect(await page.locator('article.case .about').first().textContent()).toContain(` ${HOSTILE_PATIENT}`);
      expect(await page.locator('.tools [name="patient"] option').last().textContent()).toContain(
        ` ${HOSTILE_PATIENT}`,
      );
      expect(await page.locator('#gallery script:not([type])').count()).toBe(1);
      expect(complaints).toEqual([]);
    });
  });

  it('filters and sorts images, and chooses explainers', async () => {
    const files = await rendered(await fixture(USED));
    await onPage(browser, files, {}, async ({ page }) => {
      await page.locator('article.case canvas').first().waitFor();
      expect(await shown(page).count()).toBe(8);
      const box = await page.locator('article.case canvas').first().boundingBox();
      expect(box!.width).toBeGreaterThanOrEqual(256);
      await page.locator('.tools [name="outcome"]').selectOption('wrong');
      expect(new Set(await known(page, 'outcome'))).toEqual(new Set(['wrong']));
      expect(await page.locator('.tools [name="count"]').textContent()).toBe(
        `${await shown(page).count()} of 8 images`,
      );
      await page.locator('.tools button').click();
      await expect.poll(() => shown(page).count()).toBe(8);
      await page.locator('.tools [name="metric"]').selectOption('deletion');
      await page.locator('.tools [name="most"]').fill('-5');
      expect(await page.locator('.tools [name="count"]').textContent()).toBe('0 of 8 images: no image fits');
      await page.locator('.tools [name="most"]').fill('');
      await page.locator('.tools [name="sort"]').selectOption('worst');
      const worst = (await known(page, 'worst')) as number[];
      expect(worst).toEqual([...worst].sort((a, b) => a - b));
      await page.locator('.tools [name="sort"]').selectOption('disagreement');
      const differ = (await known(page, 'disagreement')) as number[];
      expect(differ).toEqual([...differ].sort((a, b) => b - a));
      await page.locator('.tools [name="method"][value="lime"]').uncheck();
      expect(await page.locator('figure[data-method="lime"]:visible').count()).toBe(0);
      expect(await page.locator('figure[data-method="occlusion"]:visible').count()).toBeGreaterThan(0);
    });
  });

  it('draws images in a window of Hounsfield units, and maps over them', async () => {
    const files = await rendered(await fixture({ ...USED, size: 33 }));
    await onPage(browser, files, {}, async ({ page }) => {
      await page.locator('article.case canvas').first().waitFor();
      // The middle of the made-up chest lies between the lungs: 0.55 of a window from −1350 to 150 HU.
      const [grey] = await pixel(page, 0);
      expect(grey).toBeGreaterThan(110);
      expect(grey).toBeLessThan(170);
      await set(page, 'level', '400');
      await set(page, 'width', '100');
      expect(await page.locator('.looks [name="window"]').inputValue()).toBe('hand');
      expect(await pixel(page, 0)).toEqual([0, 0, 0]);
      await set(page, 'level', '-1400');
      expect(await pixel(page, 0)).toEqual([255, 255, 255]);
      await set(page, 'opacity', '0');
      expect(await pixel(page, 1)).toEqual([255, 255, 255]);
      await page.locator('.looks [name="alone"]').check();
      expect(await pixel(page, 1)).not.toEqual([255, 255, 255]);
    });
  });

  it('says the value under the pointer, and follows keys', async () => {
    const files = await rendered(await fixture({ ...USED, size: 32 }));
    await onPage(browser, files, {}, async ({ page }) => {
      const first = page.locator('article.case').first();
      await first.locator('canvas').first().waitFor();
      await first
        .locator('canvas')
        .nth(1)
        .hover({ position: { x: 2, y: 2 } });
      expect(await first.locator('.said').textContent()).toMatch(/^Row 1, column 1: −1[234]\d\d HU$/);
      expect(await first.locator('figure[data-method] small').first().textContent()).toMatch(/^here .* s; s = /);
      await first.focus();
      await page.keyboard.press('Shift+ArrowDown');
      expect(await first.locator('.said').textContent()).toMatch(/^Row 2, column 1:/);
      await page.keyboard.press('j');
      expect(await focused(page)).toBe(1);
      await page.keyboard.press('k');
      expect(await focused(page)).toBe(0);
      await page.keyboard.press('o');
      expect(await page.locator('.looks [name="opacity"]').inputValue()).toBe('0');
      await page.keyboard.press('c');
      expect(await page.locator('.looks [name="colours"]').inputValue()).toBe('unsigned');
      await page.keyboard.press('w');
      expect(await page.locator('.looks [name="window"]').inputValue()).toBe('lung');
    });
  });

  it('shows frame by frame what the classifier saw, and where its score stood', async () => {
    const files = await rendered(await fixture({ ...USED, size: 32 }));
    await onPage(browser, files, {}, async ({ page, complaints }) => {
      const film = page.locator('article.case .film').first();
      await film.locator('summary').click();
      const darkest = () =>
        page.evaluate<number>(`(() => {
          const canvas = document.querySelector('.film canvas');
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          return data.filter((v, i) => i % 4 === 0 && v === 0).length / (data.length / 4);
        })()`);
      const before = await darkest();
      expect(before).toBeLessThan(0.5);
      await film.locator('[name="frame"]').focus();
      await page.keyboard.press('End');
      expect(await darkest()).toBe(1);
      expect(await film.locator('[role="status"]').textContent()).toMatch(
        /^Step 25 of 25: 100 % of the pixels are removed, the most relevant first; score 0\.1/,
      );
      await page.keyboard.press('ArrowLeft');
      expect(await film.locator('[role="status"]').textContent()).toMatch(/^Step 24 of 25: 96 % /);
      await film.locator('[name="film"]').selectOption({ index: 1 });
      expect(await film.locator('[role="status"]').textContent()).toMatch(/^Step 0 of 25: 0 % /);
      await film.locator('[name="frame"]').focus();
      for (let k = 0; k < 3; k++) await page.keyboard.press('ArrowRight');
      const greys = await page.evaluate<number[]>(`(() => {
        const canvas = document.querySelector('.film canvas');
        return [...new Set(canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data)];
      })()`);
      expect(greys.sort((a, b) => a - b)).toEqual([200 - 7 * 3, 255]);
      expect(complaints).toEqual([]);
    });
  });

  it('loads pictures from beside the page when they come into sight, and says which file is not there', async () => {
    const files = await rendered(await fixture(USED), { mostInline: 0 });
    expect(Object.keys(files).filter(name => name.startsWith('gallery/'))).toHaveLength(8);
    await onPage(browser, files, { height: 500 }, async ({ page, complaints }) => {
      await page.locator('article.case canvas').first().waitFor();
      const filled = () => page.locator('article.case:has(canvas)').count();
      expect(await filled()).toBeLessThan(8);
      await page.locator('article.case').last().scrollIntoViewIfNeeded();
      await page.locator('article.case').last().locator('canvas').first().waitFor();
      await expect.poll(() => page.locator('article.case').first().locator('canvas').count()).toBe(0);
      expect(complaints).toEqual([]);
    });
    await onPage(browser, { 'index.html': files['index.html'] }, {}, async ({ page }) => {
      await page.locator('article.case .note', { hasText: 'gallery/0000.js is not beside this page' }).waitFor();
    });
  });

  it('has no picture where it is to be passed on', async () => {
    const files = await rendered(await fixture(USED), { pictures: false });
    expect(Object.keys(files).filter(name => name.startsWith('gallery/'))).toEqual([]);
    expect(files['index.html']).not.toMatch(/<image|<canvas|<script|data:image/);
    expect(files['index.html']).toContain('Images and maps were left out of this page');
  });

  it('prints on at most twelve pages, with two models, ten explainers and budgets', async () => {
    const methods = [
      'grad-cam',
      'integrated-gradients',
      'lime',
      'occlusion',
      'rise',
      'saliency',
      'xrai',
      'lrp',
      'deeplift',
    ];
    const files = await rendered(
      await fixture({ ...USED, methods: [...methods, 'score-cam'], models: ['a', 'b'], budgets: [20, 50, 200] }),
    );
    await onPage(browser, files, {}, async ({ page }) => {
      const pdf = await page.pdf({ preferCSSPageSize: true, printBackground: true });
      expect(pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)!.length).toBeLessThanOrEqual(12);
    });
  });

  it('says the value under a finger', async () => {
    const files = await rendered(await fixture({ ...USED, size: 32 }));
    await onPage(browser, files, { width: 390, height: 844 }, async ({ page }) => {
      const first = page.locator('article.case').first();
      await first.locator('canvas').first().waitFor();
      await first
        .locator('canvas')
        .first()
        .tap({ position: { x: 100, y: 60 } });
      expect(await first.locator('.said').textContent()).toMatch(/^Row \d+, column \d+: −?\d+ HU$/);
    });
  });
});
