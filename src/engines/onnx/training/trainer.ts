import { availableParallelism } from 'node:os';
import type {
  LogitCalibration,
  NetworkSpec,
  OptimiserSpec,
  StepResult,
  Trainer,
  TrainerState,
} from '../../../core/contracts/training.ts';
import { lookUp } from '../../../core/registry.ts';
import { createRng } from '../../../core/rng.ts';
import { sizeOf } from '../../../core/tensor.ts';
import { encodeModel } from '../graph/proto.ts';
import type { Feed } from '../session/onnx-messages.ts';
import { OnnxPool } from '../session/onnx-pool.ts';
import { ARCHITECTURES, type Architecture } from './architectures.ts';
import type { TrainedParameter } from './network.ts';
import { averageOf, descend } from './optimiser.ts';
import { startFrom } from './start.ts';
import { type TrainGraph, trainGraph } from './train-graph.ts';

/**
 * Parts of a batch that run side by side, each with batch statistics of its own; gradients are summed. A fixed number,
 * so that a result does not depend on the machine's cores. Two single-threaded sessions take three quarters of the
 * time of one with two threads.
 */
const PARTS = 2;
const MOMENTUM = 0.9;
const STEPS = 'steps';
const AVERAGE = '/average';

/** Trains a network of `ARCHITECTURES` in ONNX Runtime, in worker threads. */
export async function createOnnxTrainer(spec: NetworkSpec, optimiser: OptimiserSpec): Promise<Trainer> {
  const architecture = lookUp(ARCHITECTURES, 'architecture', spec.architecture, 'the network');
  const built = architecture(spec);
  const graph = trainGraph(built);
  const pool = new OnnxPool(Math.min(PARTS, availableParallelism()));
  const trainer = new OnnxTrainer({ spec, optimiser, architecture, graph, pool, parameters: built.network.parameters });
  try {
    await pool.open('train', encodeModel(graph.graph), SETTINGS);
  } catch (error) {
    await pool.close();
    throw error;
  }
  return trainer;
}

const SETTINGS = { executionProviders: ['cpu'], threads: 1 };

interface Parts {
  readonly spec: NetworkSpec;
  readonly optimiser: OptimiserSpec;
  readonly architecture: Architecture;
  readonly graph: TrainGraph;
  readonly pool: OnnxPool;
  readonly parameters: readonly TrainedParameter[];
}

class OnnxTrainer implements Trainer {
  readonly parameters: number;
  readonly camLayer: string;
  readonly #parts: Parts;
  readonly #values = new Map<string, Float32Array>();
  readonly #memory = new Map<string, Float32Array>();
  /** Moving averages of all values, which predict and are shipped. */
  readonly #average = new Map<string, Float32Array>();
  #steps = 0;
  /** The session that predicts, and whether its weights are the present ones. */
  #predictor: string | undefined;
  #fresh = false;
  #sessions = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.parameters = parts.graph.trained.reduce((n, { parameter }) => n + sizeOf(parameter.dims), 0);
    this.camLayer = parts.graph.camLayer;
    const rng = createRng(parts.spec.seed).fork('weights');
    const given = parts.spec.start === undefined ? undefined : startFrom(parts.spec.start, parts.parameters);
    for (const p of parts.parameters) {
      const values = given?.get(p.name) ?? startOf(p, rng.fork(p.name));
      this.#values.set(p.name, values);
      this.#average.set(p.name, values.slice());
    }
  }

  async step(images: Float32Array, targets: Float32Array, rate: number): Promise<StepResult> {
    const { spec, graph, optimiser, pool } = this.#parts;
    const n = targets.length / spec.classes;
    const shares = halves(n);
    const runs = await Promise.all(
      shares.map(([from, to]) =>
        pool.run('train', [
          this.#images(images, from, to),
          feed(graph.target, [to - from, spec.classes], targets.slice(from * spec.classes, to * spec.classes)),
          ...this.#parts.parameters.map(p => feed(p.name, p.dims, this.#values.get(p.name)!.slice())),
        ]),
      ),
    );
    const count = ++this.#steps;
    for (const { parameter, gradient } of graph.trained) {
      const sum = runs[0]!.outputs[gradient]!;
      for (const { outputs } of runs.slice(1)) {
        const other = outputs[gradient]!;
        for (let i = 0; i < sum.length; i++) sum[i] = sum[i]! + other[i]!;
      }
      descend(parameter, this.#values.get(parameter.name)!, sum, this.#memory, { ...optimiser, rate, count });
    }
    for (const s of graph.statistics) {
      this.#follow(
        s.mean,
        runs.map(r => r.outputs[s.batchMean]!),
      );
      this.#follow(
        s.variance,
        runs.map(r => r.outputs[s.batchVariance]!),
      );
    }
    for (const [name, values] of this.#values) averageOf(this.#average.get(name)!, values, optimiser.averaging, count);
    this.#fresh = false;
    const logits = runs.flatMap(r => [...r.outputs[graph.logits]!]);
    return { loss: crossEntropy(logits, targets, spec.classes) };
  }

  async predict(images: Float32Array, n: number): Promise<Float32Array> {
    const { pool, spec } = this.#parts;
    if (!this.#fresh) {
      if (this.#predictor !== undefined) await pool.drop(this.#predictor);
      this.#predictor = `predict ${++this.#sessions}`;
      await pool.open(this.#predictor, this.export(), SETTINGS);
      this.#fresh = true;
    }
    const name = this.#predictor!;
    const runs = await Promise.all(halves(n).map(([from, to]) => pool.run(name, [this.#images(images, from, to)])));
    const out = new Float32Array(n * spec.classes);
    let at = 0;
    for (const { outputs } of runs) {
      const [logits] = Object.values(outputs);
      out.set(logits!, at);
      at += logits!.length;
    }
    return out;
  }

  state(): TrainerState {
    const copy = new Map([[STEPS, Float32Array.of(this.#steps)]]);
    for (const held of [this.#values, this.#memory]) for (const [name, data] of held) copy.set(name, data.slice());
    for (const [name, data] of this.#average) copy.set(`${name}${AVERAGE}`, data.slice());
    return copy;
  }

  restore(state: TrainerState): void {
    this.#steps = state.get(STEPS)![0]!;
    this.#memory.clear();
    for (const [name, data] of state) {
      if (this.#values.has(name)) this.#values.set(name, data.slice());
      else if (name.endsWith(AVERAGE)) this.#average.set(name.slice(0, -AVERAGE.length), data.slice());
      else if (name !== STEPS) this.#memory.set(name, data.slice());
    }
    this.#fresh = false;
  }

  export(calibration?: LogitCalibration): Uint8Array {
    const { architecture, spec, parameters } = this.#parts;
    const { temperature = 1, offsets = [] } = calibration ?? {};
    // The last layer is affine: what is done to its output can be done to its weights.
    const last = parameters.filter(p => p.name.startsWith('dense'));
    const weights = new Map(this.#average);
    for (const { name, kind } of last) {
      const shift = (i: number) => (kind === 'bias' ? (offsets[i] ?? 0) : 0);
      weights.set(
        name,
        this.#average.get(name)!.map((v, i) => v / temperature + shift(i)),
      );
    }
    return encodeModel(architecture(spec, weights).model.graph);
  }

  close(): Promise<void> {
    return this.#parts.pool.close();
  }

  /** Running statistics follow the batch's: moving averages. */
  #follow(name: string, batches: readonly Float32Array[]): void {
    const running = this.#values.get(name)!;
    for (let i = 0; i < running.length; i++) {
      const batch = batches.reduce((sum, b) => sum + b[i]!, 0) / batches.length;
      running[i] = MOMENTUM * running[i]! + (1 - MOMENTUM) * batch;
    }
  }

  #images(images: Float32Array, from: number, to: number): Feed {
    const { channels, size } = this.#parts.spec;
    const each = channels * sizeOf(size);
    return feed('image', [to - from, channels, ...size], images.slice(from * each, to * each));
  }
}

const feed = (name: string, dims: readonly number[], data: Float32Array): Feed => ({ name, dims, data });

/** [from, to) of each part of a batch. */
function halves(n: number): [number, number][] {
  const parts = Math.min(PARTS, n);
  return Array.from({ length: parts }, (_, k) => [Math.floor((k * n) / parts), Math.floor(((k + 1) * n) / parts)]);
}

function startOf({ dims, start }: TrainedParameter, rng: ReturnType<typeof createRng>): Float32Array {
  const size = sizeOf(dims);
  if (start === 'zeros' || start === 'ones') return new Float32Array(size).fill(start === 'ones' ? 1 : 0);
  const sd = Math.sqrt((start === 'he' ? 2 : 1) / sizeOf(dims.slice(1)));
  return Float32Array.from({ length: size }, () => sd * rng.normal());
}

/** −Σ target · log softmax(z). */
function crossEntropy(logits: readonly number[], targets: Float32Array, classes: number): number {
  let loss = 0;
  for (let i = 0; i < targets.length; i += classes) {
    const z = logits.slice(i, i + classes);
    const top = Math.max(...z);
    const log = top + Math.log(z.reduce((sum, v) => sum + Math.exp(v - top), 0));
    for (let k = 0; k < classes; k++) loss += targets[i + k]! * (log - z[k]!);
  }
  return loss;
}
