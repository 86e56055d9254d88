import type { Analysis } from '../analysis/analysis.ts';
import type { GalleryContent } from '../gallery/content.ts';
import type { RunData } from '../summary/run-data.ts';
import type { Markup } from './markup.ts';
import type { Names } from './part-names.ts';

/** One part of the report, in both of its forms. Headings are written by what walks the list of sections. */
export interface Section {
  /** Names the section in links; unique in a report. */
  readonly id: string;
  readonly title: string;
  readonly html: Markup;
  /** Blocks of GitHub's Markdown; empty: the section is in the page only. */
  readonly markdown: readonly string[];
}

/** What sections are made of. */
export interface ReportContext {
  readonly run: RunData;
  readonly analysis: Analysis;
  readonly names: Names;
  /** Absent: a page without pictures. */
  readonly gallery?: GalleryContent;
}

/** Undefined, or no section: the run has nothing for it. */
export type SectionMaker = (
  report: ReportContext,
) => Section | readonly Section[] | undefined | Promise<Section | undefined>;
