/**
 * The conformance suites that the built-in explainers pass, for plugins, under any test framework.
 *
 * @module ct-xai-bench/conformance
 */
export { type AnalyticLayer, type AnalyticSpec, analyticModel } from './conformance/analytic.ts';
export type { Check } from './conformance/check.ts';
export { type ExplainerCheckOptions, explainerChecks } from './conformance/explainer.ts';
export { linearModel, smoothModel } from './conformance/models.ts';
export {
  type Explained,
  type ExplainRequest,
  explainSubject,
  type Subject,
  subjectFor,
} from './conformance/subject.ts';
