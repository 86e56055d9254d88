/**
 * The conformance suites that the built-in explainers and metrics pass, for plugins, under any test framework.
 *
 * @module ct-xai-bench/conformance
 */
export { type AnalyticLayer, type AnalyticSpec, analyticModel } from './conformance/analytic.ts';
export type { Check } from './conformance/check.ts';
export { type ExplainerCheckOptions, explainerChecks } from './conformance/explainer.ts';
export { type MetricCheckOptions, metricChecks } from './conformance/metric.ts';
export { linearModel, smoothModel } from './conformance/models.ts';
export { type Scored, type ScoreRequest, scoreSubject } from './conformance/score.ts';
export {
  type Explained,
  type ExplainRequest,
  explainSubject,
  type Subject,
  subjectFor,
} from './conformance/subject.ts';
