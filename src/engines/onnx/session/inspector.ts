import type { Placement } from '../../../core/contracts/index.ts';
import { CtXaiError, messageOf } from '../../../core/errors.ts';
import type { OnnxDevice } from '../devices/onnx-devices.ts';
import { DType, type Graph, GraphBuilder, isInner } from '../graph/graph.ts';
import { encodeModel } from '../graph/proto.ts';
import type { Feed, Provider, RunResult } from './onnx-messages.ts';
import type { OnnxPool } from './onnx-pool.ts';
import type { Profile, RanNode } from './profile.ts';
import type { Program } from './programs.ts';
import { feeds } from './tune.ts';

/** By output name. */
type Values = RunResult['outputs'];

/** Images of a trial run. */
const IMAGES = 2;

/** Relative L2 difference from the CPU's results: rounding makes 1e-6, and 1e-3 where a ReLU's input is about 0. */
const TOLERANCE = { scores: 1e-3, gradient: 1e-2 };
/**
 * Gradients of networks with many ReLUs and maxima move by more than that where the image changes by no more than rounding
 * changes activations. A device may be off by so many times what the CPU's own gradient moves by then, at most, in so many
 * trials.
 */
const MOVED = { image: 1e-6, trials: 4, times: 3, most: 0.3 };

/** Nodes that are moved to the CPU, one after the other, before a graph is given up. */
const MOST_MOVED = 32;

/** How a program is to be opened on a GPU. */
export interface DevicePlan {
  readonly provider: Provider;
  readonly optimise: boolean;
}

/**
 * Tries graphs on a GPU before they are used: finds the operators that it does not have, counts where each operator
 * runs, and compares the results with the CPU's, since a driver that computes wrongly does not say so.
 */
export class Inspector {
  readonly #pool: OnnxPool;
  readonly #device: OnnxDevice;
  readonly #placements = new Map<string, Placement>();
  readonly #findings = new Map<string, DevicePlan>();
  #clocked = false;

  constructor(pool: OnnxPool, device: OnnxDevice) {
    this.#pool = pool;
    this.#device = device;
  }

  /** Of the graphs that were inspected so far. */
  get placements(): readonly Placement[] {
    return [...this.#placements.values()];
  }

  /** Whether the device's clock was seen in a profile. */
  get clocked(): boolean {
    return this.#clocked;
  }

  /**
   * @param graph what tables call the program
   * @throws CtXaiError DEVICE where its numbers are not the CPU's, ENGINE where it can't be run
   */
  async inspect(graph: string, program: Program): Promise<DevicePlan> {
    const known = this.#findings.get(graph);
    if (known) return known;
    if (this.#findings.size === 0) await this.#keepAlive();
    const bytes = encodeModel(program.graph);
    const [want] = (await this.#onCpu(graph, bytes, [feeds(program, IMAGES)])) as [Values];
    let moved: readonly Values[] | undefined;
    /** Of a gradient: what the CPU's own moves by. */
    const tolerated = async (name: string) => {
      if (!isBackward(program, name)) return 0;
      const asked = Array.from({ length: MOVED.trials }, (_, k) => movedFeeds(program, k));
      moved ??= await this.#onCpu(graph, bytes, asked);
      const own = moved.map(values => relativeDifference(values[name]!, want[name]!));
      return Math.min(MOVED.most, MOVED.times * Math.max(...own));
    };
    let worst: { name: string; by: number } | undefined;
    for (const optimise of [true, false]) {
      const { provider, got, profile } = await this.#onDevice(`${graph} on trial`, bytes, program, optimise);
      worst = await deviating(got, want, program, tolerated);
      if (worst) continue;
      this.#clocked ||= profile.clocked;
      this.#placements.set(graph, { graph, ...placed(profile.nodes, this.#device) });
      const findings = { provider, optimise };
      this.#findings.set(graph, findings);
      return findings;
    }
    const { name, by } = worst!;
    throw new CtXaiError(
      'DEVICE',
      `device '${this.#device.name}' computes ${isInner(name) ? 'the' : `'${name}' of the`} ${graph} graph wrongly: it is ` +
        `off by ${by.toPrecision(2)} (relative L2) from the CPU's.`,
      { hint: 'Use device: cpu, or another driver.' },
    );
  }

  /** The device, with the shaders that were compiled for it, is there as long as a session is. */
  async #keepAlive(): Promise<void> {
    const executionProviders = [providerOf(this.#device, [])];
    await this.#pool.open('the device', encodeModel(copying()), { executionProviders, threads: 1 }, 1);
  }

  /** What the CPU computes of each of several feeds. */
  async #onCpu(graph: string, bytes: Uint8Array, asked: readonly (readonly Feed[])[]): Promise<Values[]> {
    const session = `${graph} on the CPU`;
    await this.#pool.open(session, bytes, { executionProviders: ['cpu'], threads: 1, optimise: false }, 1);
    const found: Values[] = [];
    for (const each of asked) found.push((await this.#pool.run(session, each, 1)).outputs);
    await this.#pool.drop(session);
    return found;
  }

  async #onDevice(
    session: string,
    bytes: Uint8Array,
    program: Program,
    optimise: boolean,
  ): Promise<{ provider: Provider; got: Values; profile: Profile }> {
    const moved = new Set(this.#device.provider === 'webgpu' ? lackedByWebgpu(program.graph) : []);
    for (;;) {
      const provider = providerOf(this.#device, [...moved]);
      await this.#pool.open(session, bytes, { executionProviders: [provider], threads: 1, optimise, profile: true }, 1);
      try {
        const { outputs } = await this.#pool.run(session, feeds(program, IMAGES), 1);
        return { provider, got: outputs, profile: await this.#pool.profile(session) };
      } catch (error) {
        await this.#pool.drop(session).catch(() => undefined);
        const name = this.#device.provider === 'webgpu' ? refusedNode(error, program.graph) : undefined;
        if (name === undefined || moved.has(name) || moved.size >= MOST_MOVED) throw error;
        moved.add(name);
      }
    }
  }
}

function copying(): Graph {
  const b = new GraphBuilder({ opset: 20, taken: ['x'] });
  const y = b.op('Relu', ['x']);
  const info = { dtype: DType.float, dims: [1] };
  return {
    opset: 20,
    nodes: b.nodes,
    constants: b.constants,
    inputs: [{ name: 'x', ...info }],
    outputs: [{ name: y, ...info }],
  };
}

function providerOf({ provider, deviceId }: OnnxDevice, moved: readonly string[]): Provider {
  return {
    name: provider,
    ...(deviceId === undefined ? {} : { deviceId }),
    ...(moved.length > 0 ? { forceCpuNodeNames: moved } : {}),
  };
}

/** ONNX Runtime gives these to WebGPU, and finds out when they run. */
function lackedByWebgpu(graph: Graph): string[] {
  return graph.nodes.filter(n => n.op === 'MaxPool' && n.outputs.length > 1).map(n => n.name);
}

/** The node that a provider took and then refused, if that is what went wrong. */
export function refusedNode(error: unknown, graph: Graph): string | undefined {
  const [, named, why] = /Name:'([^']*)' Status Message: (.*)/s.exec(messageOf(error)) ?? [];
  if (!named || !/not (yet )?(supported|implemented)|unsupported|unimplemented/i.test(why ?? '')) return undefined;
  // The provider numbers the nodes that it takes.
  const name = named.replace(/_token_\d+$/, '');
  return graph.nodes.filter(n => n.name === name).length === 1 ? name : undefined;
}

const PROVIDERS: Readonly<Record<string, string>> = {
  CPUExecutionProvider: 'cpu',
  CUDAExecutionProvider: 'cuda',
  WebGpuExecutionProvider: 'webgpu',
};

function placed(nodes: readonly RanNode[], device: OnnxDevice): Omit<Placement, 'graph'> {
  const operators: Record<string, number> = { [device.name]: 0 };
  const elsewhere: Record<string, number> = {};
  for (const { op, provider } of nodes) {
    const kind = PROVIDERS[provider] ?? provider;
    const here = kind === device.provider;
    const name = here ? device.name : kind;
    operators[name] = (operators[name] ?? 0) + 1;
    if (!here) elsewhere[op] = (elsewhere[op] ?? 0) + 1;
  }
  return { operators, elsewhere };
}

/** The output that differs from the CPU's by more than is tolerated, and by how much. */
async function deviating(
  got: Values,
  want: Values,
  program: Program,
  tolerated: (name: string) => Promise<number>,
): Promise<{ name: string; by: number } | undefined> {
  for (const { name } of program.graph.outputs) {
    const by = relativeDifference(got[name]!, want[name]!);
    const usual = isBackward(program, name) ? TOLERANCE.gradient : TOLERANCE.scores;
    // Written so that NaN is a difference.
    if (!(by <= usual) && !(by <= (await tolerated(name)))) return { name, by };
  }
  return undefined;
}

function isBackward({ gradients, sums }: Program, output: string): boolean {
  return gradients?.includes(output) === true || output === sums?.output;
}

/** What a trial feeds, with images that differ by a little, in one of several ways. */
function movedFeeds(program: Program, way: number): Feed[] {
  return feeds(program, IMAGES).map(feed => {
    if (feed.name === program.target || feed.name === program.mode) return feed;
    return { ...feed, data: feed.data.map((v, i) => v * (1 + MOVED.image * Math.cos(i + way))) };
  });
}

/** ‖got − want‖ / ‖want‖, over what the CPU has finite values for. */
function relativeDifference(got: Float32Array, want: Float32Array): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  let [difference, norm] = [0, 0];
  for (const [i, w] of want.entries()) {
    if (Object.is(w, got[i])) {
      norm += Number.isFinite(w) ? w * w : 0;
      continue;
    }
    difference += (got[i]! - w) ** 2;
    norm += w * w;
  }
  return difference === 0 ? 0 : Math.sqrt(difference / Math.max(norm, 1e-20));
}
