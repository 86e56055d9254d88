/** What is used of Dawn's WebGPU for Node (`webgpu`) and of TF.js's back end on it, neither of which is installed always. */

export interface GpuError {
  readonly message: string;
}

export interface AdapterInfo {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** Whether the adapter is software. */
  readonly isFallbackAdapter?: boolean;
}

export interface Adapter {
  readonly info: AdapterInfo;
  readonly features: ReadonlySet<string>;
}

export interface Gpu {
  /** @throws an Error that lists the adapters where none has the name that was asked for */
  requestAdapter(options: { powerPreference: 'high-performance' }): Promise<Adapter | null>;
}

export interface Dawn {
  /** @param flags `adapter=part of a name`, `disable-dawn-features=…` */
  create(flags: readonly string[]): Gpu;
  readonly globals: object;
}

export interface GpuBuffer {
  mapAsync(mode: number): Promise<void>;
  getMappedRange(): ArrayBuffer;
  unmap(): void;
  destroy(): void;
}

export interface QuerySet {
  readonly count: number;
  destroy(): void;
}

export interface ComputePass {
  setPipeline(pipeline: object): void;
  setBindGroup(index: number, group: object): void;
  dispatchWorkgroups(x: number, y?: number, z?: number): void;
  end(): void;
}

export interface TimestampWrites {
  readonly querySet: QuerySet;
  readonly beginningOfPassWriteIndex: number;
  readonly endOfPassWriteIndex: number;
}

export interface CommandEncoder {
  beginComputePass(descriptor?: { readonly timestampWrites?: TimestampWrites }): ComputePass;
  resolveQuerySet(set: QuerySet, first: number, count: number, to: GpuBuffer, offset: number): void;
  copyBufferToBuffer(from: GpuBuffer, fromOffset: number, to: GpuBuffer, toOffset: number, size: number): void;
  finish(): object;
}

export interface GpuDevice {
  readonly features: ReadonlySet<string>;
  readonly lost: Promise<{ readonly reason: string; readonly message: string }>;
  readonly queue: { submit(commands: readonly object[]): void };
  pushErrorScope(filter: 'validation' | 'out-of-memory' | 'internal'): void;
  popErrorScope(): Promise<GpuError | null>;
  createCommandEncoder(descriptor?: object): CommandEncoder;
  createQuerySet(descriptor: { type: 'timestamp'; count: number }): QuerySet;
  createBuffer(descriptor: { size: number; usage: number }): GpuBuffer;
  destroy(): void;
}

/** TF.js's back end. */
export interface WebgpuBackend {
  readonly device: GpuDevice;
  memory(): { readonly numBytesInGPU: number };
}

/** Flags of WebGPU's buffers and their mapping. */
export const USAGE = { mapRead: 0x1, copySource: 0x4, copyTarget: 0x8, queryResolve: 0x200 } as const;
export const MAP_READ = 0x1;
