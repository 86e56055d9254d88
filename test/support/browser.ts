import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';

const CHROMIUM = '/usr/bin/chromium';

/** Why there is no browser to test in; undefined where there is one. */
export const noBrowser = existsSync(CHROMIUM) ? undefined : `no ${CHROMIUM}`;

export function openBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-quic'] });
}

export interface OpenedPage {
  readonly page: Page;
  /** Errors, warnings and anything that was asked for beside files on disk. */
  readonly complaints: readonly string[];
}

export interface PageOptions {
  readonly width?: number;
  readonly height?: number;
  readonly dark?: boolean;
}

/** Writes files into a folder, opens index.html from disk as a reader does, and hands it over. */
export async function onPage<T>(
  browser: Browser,
  files: Readonly<Record<string, string>>,
  { width = 1280, height = 900, dark = false }: PageOptions,
  work: (opened: OpenedPage) => Promise<T>,
): Promise<T> {
  const dir = await mkdtemp(join(tmpdir(), 'ct-xai-page-'));
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: dark ? 'dark' : 'light',
    hasTouch: width < 600,
  });
  try {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(dir, name)), { recursive: true });
      await writeFile(join(dir, name), text);
    }
    const page = await context.newPage();
    const complaints: string[] = [];
    page.on('console', message => {
      // What the browser says of tests that read canvases again and again.
      if (!message.text().includes('willReadFrequently')) complaints.push(`${message.type()}: ${message.text()}`);
    });
    page.on('pageerror', error => complaints.push(`error: ${error.message}`));
    page.on('request', request => {
      if (!/^(file|data|blob):/.test(request.url())) complaints.push(`asked for ${request.url()}`);
    });
    page.on('requestfailed', request => complaints.push(`failed: ${request.url()}`));
    await page.goto(pathToFileURL(join(dir, 'index.html')).href);
    return await work({ page, complaints });
  } finally {
    await context.close();
    await rm(dir, { recursive: true, force: true });
  }
}

/** What axe-core finds that is serious or critical: 'rule: element'. */
export async function seriousFaults(page: Page): Promise<string[]> {
  await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core/axe.min.js') });
  return page.evaluate<string[]>(`axe.run().then(({ violations }) => violations
    .filter(v => v.impact === 'serious' || v.impact === 'critical')
    .flatMap(v => v.nodes.slice(0, 3).map(node => v.id + ': ' + node.html.slice(0, 160))))`);
}
