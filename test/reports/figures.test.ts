import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { analyse } from '../../src/reports/analysis/analyse.ts';
import { type Figure, figuresOf, pngOf } from '../../src/reports/figures/figure-files.ts';
import { figureStyle } from '../../src/reports/figures/figure-style.ts';
import { html } from '../../src/reports/page/markup.ts';
import { createNames } from '../../src/reports/page/part-names.ts';
import { sectionsOf } from '../../src/reports/sections/all-sections.ts';
import { fixture } from './fixture.ts';
import { elementsOf } from './render.ts';

let figures: readonly Figure[];
let page: string;
beforeAll(async () => {
  const run = await fixture({ images: 16, patients: 16, hostile: true });
  const analysis = analyse(run);
  const sections = await sectionsOf({ run, analysis, names: createNames(run.manifest) });
  figures = figuresOf(sections);
  page = sections.map(s => s.html.markup).join('');
});

describe('figures as files', () => {
  it('are all drawings of the page, each by itself', () => {
    expect(figures).toHaveLength(page.match(/<figure><svg /g)!.length);
    expect(figures.length).toBeGreaterThan(5);
    expect(new Set(figures.map(f => f.name)).size).toBe(figures.length);
    for (const { name, svg } of figures) {
      expect(name).toMatch(/^[a-z0-9-]+$/);
      elementsOf(svg);
      // What only a browser with the page's style sheet knows.
      expect(svg).not.toMatch(/var\(--|<script|href=/);
    }
    expect(figures.every(f => /<text[^>]*>[^<]+<\/text>/.test(f.svg))).toBe(true);
  });

  it('are pictures of a journal column at 600 dots an inch, with marks in the methods’ colours', async () => {
    // The verdict's drawing is narrower, with letters of the same size.
    const drawing = figures.find(f => f.svg.includes('class="row c1"') && f.svg.includes('viewBox="0 0 460 '))!;
    const { data, info } = await sharp(await pngOf(drawing.svg))
      .raw()
      .toBuffer({ resolveWithObject: true });
    expect(info.width).toBeGreaterThan(2050);
    expect(info.width).toBeLessThan(2150);
    const seen = new Set<number>();
    for (let i = 0; i < data.length; i += info.channels)
      seen.add((data[i]! << 16) | (data[i + 1]! << 8) | data[i + 2]!);
    // Of the style sheet: --c0 and --c1; and the paper.
    for (const colour of [0x0072b2, 0xd55e00, 0xffffff]) expect(seen).toContain(colour);
  });

  it('have the legend below the drawing', () => {
    const section = {
      id: 'x',
      title: 'X',
      markdown: [],
      html: html`<figure><svg viewBox="0 0 100 50" aria-label="A &amp; B: c"><path d="M0 0"/></svg><ul class="legend"><li><svg viewBox="0 0 28 10"><path class="line" d="M0 5H28"/></svg>a long name</li><li><svg viewBox="0 0 28 10"><path class="line" d="M0 5H28"/></svg>another name</li></ul></figure>`,
    };
    const [figure] = figuresOf([section]);
    expect(figure!.svg).toMatch(/viewBox="0 0 100 104"|viewBox="0 0 100 95"/);
    expect(figure!.svg).toContain('>a long name</text>');
    expect(figuresOf([{ ...section, id: 'gallery' }])).toEqual([]);
  });

  it('have rules without anything that only browsers know', () => {
    const style = figureStyle();
    expect(style).not.toContain('var(');
    expect(style).toContain('.c0.row circle{fill:#0072b2}');
    // Controls have no colour, and are lines all the same.
    expect(style).toMatch(/^\.line\{fill:none/m);
    expect(style).toMatch(/\.c3 \.line[^{]*\{[^}]*stroke:#b0508b/);
    expect(style).toMatch(/text\{font-size:12px/);
  });
});
