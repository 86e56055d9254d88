import type { RunData } from './run.ts';

/** The report as one self-contained page. */
export async function renderHtml(run: RunData): Promise<string> {
  return `<!doctype html><title>${run.manifest.name.replace(/[&<>"]/g, '')}</title>`;
}
