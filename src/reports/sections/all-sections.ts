import { gallerySection } from '../gallery/gallery-section.ts';
import type { ReportContext, Section, SectionMaker } from '../page/section.ts';
import { agreementSection } from './agreement-section.ts';
import { auditSection } from './audit-section.ts';
import { baselinesSection } from './baselines-section.ts';
import { budgetsSection } from './budgets-section.ts';
import { classifierSection } from './classifier-section.ts';
import { conclusionsSection } from './conclusions-section.ts';
import { costsSection } from './costs-section.ts';
import { methodsSection } from './methods-section.ts';
import { metricsSections } from './metrics-section.ts';
import { outcomesSection } from './outcomes-section.ts';
import { provenanceSection } from './provenance-section.ts';
import { readingsSection } from './readings-section.ts';
import { trainingsSection } from './trainings-section.ts';
import { truthSection } from './truth-section.ts';
import { verdictSection } from './verdict-section.ts';

/** The one list of what a report has, in its order. The page and the summary both walk it. */
const SECTIONS: readonly SectionMaker[] = [
  verdictSection,
  gallerySection,
  classifierSection,
  truthSection,
  metricsSections,
  readingsSection,
  trainingsSection,
  auditSection,
  agreementSection,
  baselinesSection,
  conclusionsSection,
  costsSection,
  budgetsSection,
  methodsSection,
  outcomesSection,
  provenanceSection,
];

/** The sections that a run has something for. */
export async function sectionsOf(report: ReportContext): Promise<readonly Section[]> {
  const made: Section[] = [];
  for (const make of SECTIONS) {
    const found = await make(report);
    if (found) made.push(...[found].flat());
  }
  return made;
}
