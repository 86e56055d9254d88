import type { DeviceTime } from '../../../../core/contracts/index.ts';
import {
  type CommandEncoder,
  type ComputePass,
  type GpuBuffer,
  type GpuDevice,
  MAP_READ,
  type QuerySet,
  type TimestampWrites,
  USAGE,
} from './types.ts';

/** Kernels of one query set; each needs two timestamps. */
const KERNELS = 512;

const BYTES = 2 * KERNELS * 8;

interface Chunk {
  readonly queries: QuerySet;
  used: number;
}

interface Account {
  unionNs: number;
  sumNs: number;
  kernels: number;
  peakBytes: number;
}

/**
 * When each kernel began and ended, by the GPU's own clock: every dispatch becomes a compute pass of its own with
 * timestamps at both ends. TF.js has a timer too, which submits and awaits each kernel, and knows durations alone.
 * Copies are not timed: WebGPU has timestamps for passes only.
 */
export class GpuClock {
  readonly #device: GpuDevice;
  readonly #bytesInUse: () => number;
  readonly #encoder: GpuDevice['createCommandEncoder'];
  readonly #accounts = new Map<string, Account>();
  readonly #chunks: Chunk[] = [];
  readonly #spare: Chunk[] = [];
  #account: Account | undefined;
  #buffers: { readonly resolved: GpuBuffer; readonly read: GpuBuffer } | undefined;

  constructor(device: GpuDevice, bytesInUse: () => number) {
    this.#device = device;
    this.#bytesInUse = bytesInUse;
    this.#encoder = device.createCommandEncoder.bind(device);
    device.createCommandEncoder = descriptor => this.#clocked(this.#encoder(descriptor));
  }

  /** From here on work belongs to `label`. */
  begin(label: string): void {
    const account = this.#accounts.get(label) ?? { unionNs: 0, sumNs: 0, kernels: 0, peakBytes: 0 };
    this.#accounts.set(label, account);
    this.#account = account;
  }

  /** Adds up what has run, all of which must have been submitted. */
  async settle(): Promise<void> {
    const account = this.#account;
    const times: bigint[] = [];
    for (const chunk of this.#chunks.splice(0)) {
      times.push(...(await this.#read(chunk)));
      chunk.used = 0;
      this.#spare.push(chunk);
    }
    if (!account || times.length === 0) return;
    const spans = spansOf(times);
    account.kernels += spans.length;
    account.sumNs += spans.reduce((sum, [from, to]) => sum + (to - from), 0);
    account.unionNs += covered(spans);
  }

  /** What was done under each label; what is done from here on belongs to nobody. */
  end(): [label: string, time: DeviceTime][] {
    const accounts = [...this.#accounts];
    this.#accounts.clear();
    this.#account = undefined;
    return accounts.map(([label, { unionNs, sumNs, kernels, peakBytes }]) => [
      label,
      { unionMs: unionNs / 1e6, sumMs: sumNs / 1e6, kernels, peakMemoryMb: peakBytes / 2 ** 20 },
    ]);
  }

  #clocked(encoder: CommandEncoder): CommandEncoder {
    const begin = encoder.beginComputePass.bind(encoder);
    encoder.beginComputePass = () => new ClockedPass(begin, () => this.#next());
    return encoder;
  }

  /** Where the next kernel's times go; nowhere where they belong to nobody. */
  #next(): { timestampWrites?: TimestampWrites } {
    const account = this.#account;
    if (!account) return {};
    let chunk = this.#chunks.at(-1);
    if (!chunk || chunk.used === KERNELS) {
      chunk = this.#spare.pop() ?? {
        queries: this.#device.createQuerySet({ type: 'timestamp', count: 2 * KERNELS }),
        used: 0,
      };
      this.#chunks.push(chunk);
    }
    account.peakBytes = Math.max(account.peakBytes, this.#bytesInUse());
    const first = 2 * chunk.used++;
    return {
      timestampWrites: {
        querySet: chunk.queries,
        beginningOfPassWriteIndex: first,
        endOfPassWriteIndex: first + 1,
      },
    };
  }

  /** Its timestamps, in nanoseconds. */
  async #read({ queries, used }: Chunk): Promise<BigUint64Array> {
    this.#buffers ??= {
      resolved: this.#device.createBuffer({ size: BYTES, usage: USAGE.queryResolve | USAGE.copySource }),
      read: this.#device.createBuffer({ size: BYTES, usage: USAGE.copyTarget | USAGE.mapRead }),
    };
    const { resolved, read } = this.#buffers;
    const encoder = this.#encoder();
    encoder.resolveQuerySet(queries, 0, 2 * used, resolved, 0);
    encoder.copyBufferToBuffer(resolved, 0, read, 0, 2 * used * 8);
    this.#device.queue.submit([encoder.finish()]);
    await read.mapAsync(MAP_READ);
    const times = new BigUint64Array(read.getMappedRange(), 0, 2 * used).slice();
    read.unmap();
    return times;
  }
}

/** A compute pass that is one pass for each dispatch. */
class ClockedPass implements ComputePass {
  readonly #begin: CommandEncoder['beginComputePass'];
  readonly #next: () => { timestampWrites?: TimestampWrites };
  #pipeline: object | undefined;
  readonly #groups = new Map<number, object>();

  constructor(begin: CommandEncoder['beginComputePass'], next: () => { timestampWrites?: TimestampWrites }) {
    this.#begin = begin;
    this.#next = next;
  }

  setPipeline(pipeline: object): void {
    this.#pipeline = pipeline;
  }

  setBindGroup(index: number, group: object): void {
    this.#groups.set(index, group);
  }

  dispatchWorkgroups(x: number, y?: number, z?: number): void {
    const pass = this.#begin(this.#next());
    pass.setPipeline(this.#pipeline!);
    for (const [index, group] of this.#groups) pass.setBindGroup(index, group);
    pass.dispatchWorkgroups(x, y, z);
    pass.end();
  }

  end(): void {}
}

/** When kernels began and ended, in nanoseconds from the first. */
function spansOf(times: readonly bigint[]): [from: number, to: number][] {
  const origin = times[0]!;
  return Array.from({ length: times.length / 2 }, (_, k) => {
    const [from, to] = [Number(times[2 * k]! - origin), Number(times[2 * k + 1]! - origin)];
    if (to < from) throw new Error("the GPU's clock ran backwards.");
    return [from, to];
  });
}

/** How much of the time is covered by at least one span. */
function covered(spans: readonly (readonly [number, number])[]): number {
  let [sum, end] = [0, Number.NEGATIVE_INFINITY];
  for (const [from, to] of spans.toSorted((a, b) => a[0] - b[0])) {
    sum += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return sum;
}
