import { resolve } from 'node:path';
import type { Plan } from '../../config/plan.ts';
import { resolveExplainers, resolveMetrics } from '../../config/resolve-parts.ts';
import { parseSuite } from '../../config/suite.ts';
import { lookUp, type Registry } from '../../core/registry.ts';
import { keyValues } from './key-values.ts';

/** One explainer, and metrics, as a command line names them. */
export interface NamedParts {
  readonly model: string;
  readonly method: string;
  readonly preset?: string | undefined;
  readonly baseline?: string | undefined;
  readonly option: readonly string[];
  readonly metric?: readonly string[];
}

/** They as a suite would have them. @throws CtXaiError SUITE for names and options that don't exist. */
export function namedParts(argv: NamedParts, registry: Registry): Pick<Plan, 'explainers' | 'metrics'> {
  const { model, method, metric = [] } = argv;
  const found = lookUp(registry.explainers, 'explainer', method, 'the command line');
  const entry = {
    use: method,
    options: keyValues(argv.option, '--option'),
    ...(argv.preset === undefined ? {} : { preset: argv.preset }),
    ...(argv.baseline === undefined ? {} : { baseline: argv.baseline }),
  };
  const control = found.role === 'control';
  const { suite } = parseSuite(
    {
      name: 'explain',
      models: [model],
      data: { use: 'image-folder' },
      // A suite wants one explainer; with a control it is not used.
      explainers: [control ? method : entry],
      controls: control ? [entry] : [],
      metrics: [...metric],
    },
    '.',
  );
  const place = () => 'the command line';
  const explainers = resolveExplainers(control ? { ...suite, explainers: [] } : suite, registry, place);
  return { explainers, metrics: resolveMetrics(suite, registry, place) };
}

/** The card, its folder, or the weights that it lies beside. */
export function cardPath(path: string): string {
  return /\.onnx$/.test(path) ? resolve(path, '..', 'model.yaml') : resolve(path);
}
