/**
 * The conformance suites that the built-in parts pass, for plug-ins, under any test framework.
 *
 * @module ct-xai-bench/conformance
 */
export { type AnalyticLayer, type AnalyticSpec, analyticModel } from './analytic.ts';
export { attentionModel } from './attention-model.ts';
export { type BaselineCheckOptions, baselineChecks } from './baseline-checks.ts';
export type { Check } from './conformance-check.ts';
export { type EngineCheckOptions, type EngineChecks, engineChecks } from './engine-checks.ts';
export { type EngineModel, engineModel } from './engine-model.ts';
export { type ExplainerCheckOptions, explainerChecks } from './explainer-checks.ts';
export { type MetricCheckOptions, metricChecks } from './metric-checks.ts';
export { denseModel, linearModel, smoothModel } from './models.ts';
export { type ReaderCheckOptions, readerChecks } from './reader-checks.ts';
export {
  type CollectedOf,
  collectSubject,
  type Scored,
  type ScoreRequest,
  type Spent,
  scoreGroup,
  scoreSubject,
} from './score.ts';
export {
  type Explained,
  type ExplainRequest,
  explainSubject,
  type Subject,
  subjectFor,
} from './subject.ts';
