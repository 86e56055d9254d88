import { beforeAll, describe, expect, it } from 'vitest';
import { GALLERY_SCRIPT } from '../../src/reports/gallery/script.ts';
import type { RunData } from '../../src/reports/summary/run-data.ts';
import { type FixtureOptions, fixture, HOSTILE } from './fixture.ts';
import { elementsOf, normalised, rendered } from './render.ts';

const CASES: Readonly<Record<string, FixtureOptions>> = {
  'five patients': { patients: 5, images: 12 },
  'one patient, one image': { patients: 1, images: 1 },
  'no image at all': { images: 0 },
  'every map failed': { broken: `the layer is missing: ${'x'.repeat(5000)}`, images: 8 },
  'no labels, masks, timing, controls': { labels: false, masks: false, timing: false, controls: false, images: 20 },
  'names that want to be markup': { hostile: true, images: 12, patients: 9 },
  'one method': { methods: ['lime'], images: 12, patients: 12 },
  'three classes, two models': { classes: ['normal', 'covid', 'other'], models: ['a', 'b'], images: 24, patients: 12 },
  'a run that was cut': { state: 'interrupted', images: 10 },
  'a classifier at chance': { skill: 0 },
  'the predicted class explained': { target: 'predicted' },
  'a metric over groups of maps': { groups: true, images: 12, patients: 12 },
  'budgets and two devices': { budgets: [20, 50, 200, 500], gpu: true },
  'budgets with hostile names and no metric value': { budgets: [20], broken: 'no <map>', hostile: true, images: 6 },
};

describe('renderHtml', () => {
  describe.each(Object.entries(CASES))('of %s', (_, options) => {
    let run: RunData;
    let page: string;
    beforeAll(async () => {
      run = await fixture(options);
      page = (await rendered(run))['index.html'];
    });

    it('is well-formed, with every id once and every link to one', () => {
      const elements = elementsOf(page);
      const ids = elements.flatMap(e => e.attributes.id ?? []);
      expect(new Set(ids).size).toBe(ids.length);
      const links = elements.flatMap(e => e.attributes.href ?? []).filter(href => href.startsWith('#'));
      expect(links.filter(link => !ids.includes(link.slice(1)))).toEqual([]);
    });

    it('loads nothing, and runs nothing but the gallery’s script', () => {
      const elements = elementsOf(page);
      expect(elements.filter(e => ['link', 'iframe', 'object', 'embed'].includes(e.name))).toEqual([]);
      const scripts = [...page.matchAll(/<script>([\s\S]*?)<\/script>/g)].map(([, text]) => text);
      expect(scripts.filter(text => text !== GALLERY_SCRIPT)).toEqual([]);
      const data = [...page.matchAll(/<script type="application\/json"[^>]*>([\s\S]*?)<\/script>/g)];
      for (const [, text] of data) expect(() => JSON.parse(text!)).not.toThrow();
      expect(page.split('<script').length - 1).toBe(scripts.length + data.length);
      const sources = elements.flatMap(e => [e.attributes.src, e.attributes.href, e.attributes['xlink:href']]);
      expect(sources.filter(s => s !== undefined && !/^(#|data:image\/png;base64,)/.test(s))).toEqual([]);
      expect(elements.flatMap(e => Object.keys(e.attributes)).filter(name => name.startsWith('on'))).toEqual([]);
      expect(page.match(/url\(|@import/g)).toBeNull();
    });

    it('never shows a NaN, an undefined value or an object', () => {
      const words = page.replace(/data:image\/png;base64,[^"]*|<script[\s\S]*?<\/script>/g, '');
      expect(words.match(/\bNaN\b|Infinity|\[object|>null<|(:|of|on|label) undefined/g)).toBeNull();
    });

    it('names every drawing and every header', () => {
      const elements = elementsOf(page);
      const drawings = elements.filter(e => e.name === 'svg' && e.attributes['aria-hidden'] === undefined);
      expect(drawings.filter(e => !e.attributes['aria-label'] || e.attributes.role !== 'img')).toEqual([]);
      expect(elements.filter(e => e.name === 'th' && !e.attributes.scope)).toEqual([]);
      expect(elements.filter(e => e.attributes.tabindex && !e.attributes['aria-label'])).toEqual([]);
    });
  });

  it('is the same page for the same run', async () => {
    const [a, b] = await Promise.all([fixture({ images: 8 }), fixture({ images: 8 })]);
    expect((await rendered(a))['index.html']).toBe((await rendered(b))['index.html']);
  });

  it('shows hostile names as text', async () => {
    const page = (await rendered(await fixture({ hostile: true, images: 8 })))['index.html'];
    const safe = '&quot;&gt;&lt;script&gt;alert(&#39;100%&#39;)&lt;/script&gt;&amp;amp;{{x}}\ufffd .png';
    expect(page.includes(safe)).toBe(true);
    expect(page.includes(HOSTILE)).toBe(false);
  });

  it('keeps its look', async () => {
    const page = (await rendered(await fixture({ images: 48, patients: 24, size: 8 })))['index.html'];
    const body = page
      .slice(page.indexOf('<body>'))
      .replace(/<svg[\s\S]*?<\/svg>/g, '<svg/>')
      .replace(/<script[\s\S]*?<\/script>/g, '<script/>');
    await expect(normalised(body).replace(/></g, '>\n<')).toMatchFileSnapshot('snapshots/report.html.txt');
  });
});
