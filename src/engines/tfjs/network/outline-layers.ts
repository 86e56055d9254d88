import type { ModelFiles } from '../keras/model-files.ts';
import { type LayerCall, readTopology } from '../keras/topology.ts';
import type { Outline, OutlineStep } from './outline.ts';

/** Layers that do something in training only. */
export const IDLE: ReadonlySet<string> = new Set([
  'Dropout',
  'SpatialDropout2D',
  'GaussianNoise',
  'GaussianDropout',
  'AlphaDropout',
  'ActivityRegularization',
]);

const PLUMBING: ReadonlySet<string> = new Set(['Flatten', 'Reshape', 'Permute', 'InputLayer']);

const POOLS: ReadonlySet<string> = new Set(['MaxPooling2D', 'AveragePooling2D']);

/** Activations that turn logits into probabilities, and the ONNX operators that messages call them by. */
const TAILS: Readonly<Record<string, string>> = {
  softmax: 'Softmax',
  sigmoid: 'Sigmoid',
  log_softmax: 'LogSoftmax',
  logSoftmax: 'LogSoftmax',
};

/** @throws CtXaiError MODEL if the topology can't be followed */
export function outlineLayers(files: ModelFiles, output?: string): Outline {
  const topology = readTopology(files.json.modelTopology, files.file, output);
  const aliases = new Map<string, string>();
  const actual = (name: string) => aliases.get(name) ?? name;
  const steps: OutlineStep[] = [];
  for (const { name, className, inputs } of topology.calls) {
    if (IDLE.has(className)) aliases.set(name, actual(inputs[0]!));
    else {
      const operator = className === 'InputLayer' ? 'Input' : className;
      const plumbing = PLUMBING.has(className);
      steps.push({ name, operator, inputs: inputs.map(actual), pools: POOLS.has(className), plumbing });
    }
  }
  const calls = new Map(topology.calls.map(call => [call.name, call]));
  const end = lastReal(calls, topology.output);
  const op = tailOf(end);
  const own = end.className === 'Activation' || end.className === 'Softmax';
  return {
    inputShape: topology.inputShape,
    steps,
    aliases,
    tail: op === undefined ? undefined : { op, name: end.name },
    output: actual(topology.output),
    logits:
      op === undefined
        ? { output: actual(topology.output), withoutActivation: false }
        : { output: own ? actual(end.inputs[0]!) : end.name, withoutActivation: !own },
  };
}

/** The output, or what it was before it was only arranged anew. */
function lastReal(calls: ReadonlyMap<string, LayerCall>, name: string): LayerCall {
  const call = calls.get(name)!;
  const passes = IDLE.has(call.className) || call.className === 'Flatten' || call.className === 'Reshape';
  return passes ? lastReal(calls, call.inputs[0]!) : call;
}

function tailOf({ className, config }: LayerCall): string | undefined {
  if (className === 'Softmax') return 'Softmax';
  return typeof config.activation === 'string' ? TAILS[config.activation] : undefined;
}
