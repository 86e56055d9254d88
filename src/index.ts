/**
 * The public API of ct-xai-bench: what plugins are written with, and what the command line is made of.
 * @module
 */

export { builtinRegistry } from './builtin.ts';
export { type ModelCost, type PlanCost, planCost } from './config/cost.ts';
export type {
  Plan,
  PlannedEngine,
  PlannedExplainer,
  PlannedMetric,
  PlannedModel,
  PlannedOutput,
  PlannedTarget,
  PlannedTiming,
} from './config/plan.ts';
export { loadPlan, resolvePlan } from './config/resolve.ts';
export { samplesOf } from './config/samples.ts';
export { type LoadedSuite, type Overrides, parseSuite, readSuite } from './config/suite.ts';
export { imageBatch } from './core/batch.ts';
export * from './core/contracts/index.ts';
export {
  defineBaseline,
  defineExplainer,
  defineGroupMetric,
  defineMetric,
  definePlugin,
  defineReader,
  type ExplainerSpec,
  type GroupMetricSpec,
  type MetricSpec,
  PLUGIN_API_VERSION,
  type Plugin,
} from './core/define.ts';
export { CtXaiError, type ErrorCode, messageOf } from './core/errors.ts';
export { type NpyArray, npyTensor, readNpy, writeNpy } from './core/npy.ts';
export { createRegistry, type Registry, type RegistryParts } from './core/registry.ts';
export { createRng, type Rng } from './core/rng.ts';
export { filled, mapDefect, sameShape, sizeOf, type Tensor, tensor } from './core/tensor.ts';
export { loadRun, type ReportFile, type ReportOptions, type RunData, renderReports } from './reports/index.ts';
export { writeCurves } from './results/curves.ts';
export { readRun } from './results/read-run.ts';
export type { Manifest, MapRow, Passes, Row, SampleRow, ScoreRow, TimingRow } from './results/rows.ts';
export type { Run } from './results/run.ts';
export { type TableOptions, writeTables } from './results/tables.ts';
export { type CheckResult, checkPlan, type ModelCheck } from './runners/check-plan.ts';
export type { Listener, Progress, RunEvent } from './runners/events.ts';
export { type RunOptions, runSuite, type SuiteResult } from './runners/run-suite.ts';
