/** Reads ONNX Runtime's profiles: one JSON record a line, times in microseconds. */

/** What one run of a session did on the device, in milliseconds of the device's clock. */
export interface DeviceRun {
  /** Time in which at least one kernel ran. */
  readonly unionMs: number;
  readonly sumMs: number;
  readonly kernels: number;
  /** Copies between host and device; absent where the profile has none. */
  readonly transferMs?: number;
}

/** An operator that ran. */
export interface RanNode {
  readonly op: string;
  readonly provider: string;
}

export interface Profile {
  /** How many runs there were. */
  readonly count: number;
  /** Whether the device's clock was read. */
  readonly clocked: boolean;
  /** In the order of the runs; or why what the device did can't be told apart. */
  readonly runs: readonly DeviceRun[] | string;
  /** The operators of the first run. Copies between devices are not among them. */
  readonly nodes: readonly RanNode[];
}

interface Row {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string; readonly provider?: string };
}

type Span = readonly [from: number, to: number];

/**
 * Records that carry a device's clock: WebGPU's timestamp queries are `Api`, CUDA's kernels and copies `Kernel`. A
 * `Node` record is the time that the host took to hand a node over.
 */
const DEVICE_RECORDS: ReadonlySet<string> = new Set(['Api', 'Kernel']);

/** CUDA's copies between host and device, by the names that its kernel records give them. */
const TRANSFER = /^Memcpy(HtoD|DtoH|HostToDevice|DeviceToHost)/i;

/** The two clocks run at their own pace. */
const SLACK_US = 1000;

/** Nodes that copy tensors from one device to another. */
const COPIES: ReadonlySet<string> = new Set(['MemcpyFromHost', 'MemcpyToHost']);

/** @throws Error if a line is no record. */
export async function readProfile(lines: AsyncIterable<string> | Iterable<string>): Promise<Profile> {
  const windows: Span[] = [];
  const device: Row[] = [];
  const nodes: (RanNode & { readonly ts: number })[] = [];
  for await (const line of lines) {
    const text = line.trim().replace(/,$/, '');
    if (text === '' || text === '[' || text === ']') continue;
    const row = JSON.parse(text) as Row;
    if (row.cat === 'Session' && row.name === 'model_run') windows.push([row.ts, row.ts + row.dur]);
    else if (DEVICE_RECORDS.has(row.cat)) device.push(row);
    else if (row.cat === 'Node' && row.args?.op_name && row.args.provider && windows.length === 0) {
      nodes.push({ op: row.args.op_name, provider: row.args.provider, ts: row.ts });
    }
  }
  windows.sort((a, b) => a[0] - b[0]);
  const runs = perRun(windows, device);
  return {
    count: windows.length,
    clocked: device.length > 0,
    runs: typeof runs === 'string' ? runs : runs.map(deviceRun),
    nodes: nodes.filter(node => !COPIES.has(node.op)).map(({ op, provider }) => ({ op, provider })),
  };
}

/**
 * The device's records of each run. ONNX Runtime puts them on the host's time axis, each run's by the moment of its
 * first submission, and a run ends after its results have come back: so they lie within the run.
 * @returns the reason if they do not, as where two profiles were written at the same time
 */
function perRun(windows: readonly Span[], rows: readonly Row[]): Row[][] | string {
  const runs = windows.map((): Row[] => []);
  let at = -1;
  for (const row of rows.toSorted((a, b) => a.ts - b.ts)) {
    while (at + 1 < windows.length && windows[at + 1]![0] <= row.ts) at++;
    // CUDA's records begin with the copies of the weights.
    if (at < 0 && row.cat === 'Kernel') continue;
    if (at < 0 || row.ts + row.dur > windows[at]![1] + SLACK_US) {
      return 'its profile has work outside of its runs.';
    }
    runs[at]!.push(row);
  }
  return runs;
}

function deviceRun(rows: readonly Row[]): DeviceRun {
  const copies = rows.filter(row => TRANSFER.test(row.name));
  const kernels = rows.filter(row => !TRANSFER.test(row.name)).map((row): Span => [row.ts, row.ts + row.dur]);
  return {
    unionMs: covered(kernels) / 1000,
    sumMs: kernels.reduce((sum, [from, to]) => sum + (to - from), 0) / 1000,
    kernels: kernels.length,
    ...(copies.length > 0 ? { transferMs: copies.reduce((sum, row) => sum + row.dur, 0) / 1000 } : {}),
  };
}

/** How much of the time axis is covered by at least one span. */
function covered(spans: readonly Span[]): number {
  let [sum, end] = [0, Number.NEGATIVE_INFINITY];
  for (const [from, to] of spans.toSorted((a, b) => a[0] - b[0])) {
    sum += Math.max(0, to - Math.max(from, end));
    end = Math.max(end, to);
  }
  return sum;
}

export function added(a: DeviceRun, b: DeviceRun): DeviceRun {
  const transferMs = (a.transferMs ?? 0) + (b.transferMs ?? 0);
  return {
    unionMs: a.unionMs + b.unionMs,
    sumMs: a.sumMs + b.sumMs,
    kernels: a.kernels + b.kernels,
    ...(a.transferMs === undefined && b.transferMs === undefined ? {} : { transferMs }),
  };
}
