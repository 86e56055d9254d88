import { simplify } from '../autodiff/optimise/index.ts';
import type { Graph, Node, TensorInfo, ValueInfo } from '../graph/graph.ts';
import { pruned, readBy } from '../graph/walk.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import { type Cells, changedBy, hull, neededBy, type Reach, reachOf, within } from './reach.ts';

/** A tensor of the local first part of a network: [n, channels, rows, columns]. */
export interface Plane {
  readonly name: string;
  readonly channels: number;
  /** Rows and columns. */
  readonly size: readonly [number, number];
  /** Pixels of the image from one cell to the next, along rows and columns. */
  readonly pixels: readonly [number, number];
}

/** Operators of the local first part, in graph order, and its planes. */
interface LocalPart {
  readonly model: NormalisedModel;
  /** Operators that follow from the image; the first `reaches.length` of them are local. */
  readonly nodes: readonly Node[];
  /** The planes that each local operator reads. */
  readonly reads: readonly (readonly string[])[];
  readonly reaches: readonly (readonly [Reach, Reach])[];
  readonly planes: ReadonlyMap<string, Plane>;
  /** Multiplications of each operator. */
  readonly work: readonly number[];
  readonly varying: ReadonlySet<string>;
}

/** One stretch of the first part, run on crops. */
export interface Stage {
  readonly graph: Graph;
  readonly inputs: readonly Plane[];
  readonly outputs: readonly Plane[];
  /** The crop's start is a multiple of so many pixels, along rows and columns. */
  readonly step: readonly [number, number];
  /** The crop is smaller than the image by so many steps. */
  readonly less: readonly [number, number];
}

/** A network cut into stages that run on crops and a rest that runs whole. */
export interface CutNetwork {
  /** Side of the largest changed square, pixels. */
  readonly side: number;
  readonly stages: readonly Stage[];
  /** The rest, from planes to the scores. */
  readonly rest: { readonly graph: Graph; readonly inputs: readonly Plane[] };
  /** Where the crop of each stage lies, and what changes; by axis and by the pixel where the changed square begins. */
  readonly places: readonly [readonly (readonly PlacedStage[])[], readonly (readonly PlacedStage[])[]];
}

/** A stage's crop along one axis. */
export interface PlacedStage {
  /** The first pixel of the crop; cell `start / pixels` of a plane. */
  readonly start: number;
  /** Of each output, the cells that are new. */
  readonly changed: ReadonlyMap<string, Cells>;
}

/** What running in parts costs besides, in multiplications. */
export interface CuttingCosts {
  /** To copy one value. */
  readonly copy: number;
  /** To hand one stage over. */
  readonly stage: number;
}

/** Measured roughly: they choose where to cut, and what comes of it is measured. */
const COSTS: CuttingCosts = { copy: 60, stage: 4e6 };
/** Places to cut at that are weighed. */
const CANDIDATES = 28;

/** The first part of a network; undefined where its first operator is not local. */
export function localPart(model: NormalisedModel): LocalPart | undefined {
  const simple = simplify(model);
  const { graph, infos, input } = simple;
  const first = infos.get(input)!.dims;
  if (first.length !== 4 || first[0] !== null) return undefined;
  const varying = new Set([input]);
  const nodes = graph.nodes.filter(node => {
    if (!readBy(node).some(name => varying.has(name))) return false;
    for (const name of node.outputs) varying.add(name);
    return true;
  });
  const planes = new Map([[input, plane(input, infos, [1, 1])]]);
  const reaches: (readonly [Reach, Reach])[] = [];
  for (const node of nodes) {
    const reach = reachOf(node, infos, varying);
    const read = readBy(node).flatMap(name => planes.get(name) ?? []);
    const pixels = read[0]?.pixels;
    if (!reach || !pixels || read.some(p => p.pixels[0] !== pixels[0] || p.pixels[1] !== pixels[1])) break;
    reaches.push(reach);
    const name = node.outputs[0]!;
    planes.set(name, plane(name, infos, [pixels[0] * reach[0].stride, pixels[1] * reach[1].stride]));
  }
  if (reaches.length === 0) return undefined;
  const work = nodes.map(node => multiplications(node, infos));
  const reads = reaches.map((_, i) => readBy(nodes[i]!).filter(name => planes.has(name)));
  return { model: simple, nodes, reads, reaches, planes, work, varying };
}

function plane(name: string, infos: ReadonlyMap<string, TensorInfo>, pixels: readonly [number, number]): Plane {
  const [, channels, rows, columns] = infos.get(name)!.dims as number[];
  return { name, channels: channels!, size: [rows!, columns!], pixels };
}

function multiplications(node: Node, infos: ReadonlyMap<string, TensorInfo>): number {
  const count = (name: string) => (infos.get(name)?.dims ?? []).reduce<number>((a, d) => a * (d ?? 1), 1);
  const out = count(node.outputs[0]!);
  const weights = infos.get(node.inputs[1] ?? '')?.dims.slice(1) as number[] | undefined;
  if (node.op === 'Conv' && weights) return out * weights.reduce((a, d) => a * d, 1);
  if (node.op === 'Gemm' || node.op === 'MatMul') return count(node.inputs[1]!);
  return out * 4;
}

/**
 * The cheapest way to cut the network for changes within a square, by the multiplications that are left; undefined where
 * nothing is left out.
 * @param side pixels
 */
export function cutNetwork(local: LocalPart, side: number, costs = COSTS): CutNetwork | undefined {
  const { nodes, work, planes } = local;
  const span = lcm([...planes.values()].flatMap(p => p.pixels));
  const changes = Array.from({ length: span }, (_, phase) =>
    ([0, 1] as const).map(axis => changed(local, axis, phase, side)),
  );
  const covered = ({ name, size }: Plane) =>
    ([0, 1] as const).every(axis => lengthOf(changes[0]![axis]!.get(name)!) >= size[axis]);
  const positions = candidates(local).filter(at => !liveAfter(local, at).every(covered));
  const lives = positions.map(at => liveAfter(local, at));
  const whole = work.reduce((a, b) => a + b, 0);
  const behind = (at: number) => work.slice(at).reduce((a, b) => a + b, 0);
  const area = (list: readonly Plane[]) => list.reduce((sum, p) => sum + p.channels * p.size[0] * p.size[1], 0);
  const best: { cost: number; from: number; geometry?: Geometry }[] = [{ cost: 0, from: -1 }];
  for (let j = 1; j < positions.length; j++) {
    let found = { cost: Number.POSITIVE_INFINITY, from: -1 } as (typeof best)[number];
    for (let i = 0; i < j; i++) {
      const geometry = geometryOf(local, changes, positions[i]!, positions[j]!, lives[i]!, lives[j]!);
      const along = (p: Plane, axis: 0 | 1) =>
        1 - (geometry.less[axis] * geometry.step[axis]) / p.pixels[axis] / p.size[axis];
      const share = (p: Plane) => along(p, 0) * along(p, 1);
      let cost = best[i]!.cost + costs.stage;
      for (let k = positions[i]!; k < positions[j]!; k++) cost += work[k]! * share(planes.get(nodes[k]!.outputs[0]!)!);
      for (const p of [...geometry.inputs, ...geometry.outputs]) cost += costs.copy * area([p]) * share(p);
      if (cost < found.cost) found = { cost, from: i, geometry };
    }
    best.push(found);
  }
  const total = (j: number) => best[j]!.cost + costs.stage + behind(positions[j]!) + costs.copy * area(lives[j]!);
  const last = [...positions.keys()].slice(1).sort((a, b) => total(a) - total(b))[0];
  if (last === undefined || total(last) >= whole) return undefined;
  const steps: number[] = [];
  for (let j = last; j > 0; j = best[j]!.from) steps.unshift(j);
  const stages = steps.map(j => {
    const { from, geometry } = best[j]!;
    const graph = subgraph(local, positions[from]!, positions[j]!, geometry!.inputs, geometry!.outputs);
    return { ...geometry!, graph };
  });
  const end = positions[last]!;
  const { model } = local;
  const scores = { name: model.output, ...model.infos.get(model.output)! };
  const rest = { graph: part(local, nodes.slice(end), lives[last]!.map(full), [scores]), inputs: lives[last]! };
  const ends = steps.map(j => positions[j]!);
  const places = ([0, 1] as const).map(axis => {
    const length = planes.get(model.input)!.size[axis];
    return Array.from({ length: length - side + 1 }, (_, at) => placed(local, stages, ends, axis, at, side));
  });
  return { side, stages, rest, places: [places[0]!, places[1]!] };
}

type Geometry = Omit<Stage, 'graph'>;

/** Operator counts after which the network may be cut, the image first, spread evenly over the work. */
function candidates({ nodes, reaches, work, ...local }: LocalPart): number[] {
  const lives = reaches.map((_, i) => liveAfter({ nodes, reaches, work, ...local }, i + 1));
  const values = lives.map(live => live.reduce((sum, p) => sum + p.channels * p.size[0] * p.size[1], 0));
  const total = work.reduce((a, b) => a + b, 0);
  const chosen = new Map<number, number>();
  let done = 0;
  for (const i of reaches.keys()) {
    done += work[i]!;
    // A network that reads the image again later is not cut in between.
    if (lives[i]!.some(p => p.name === local.model.input)) continue;
    const slot = Math.floor((done / total) * CANDIDATES);
    const known = chosen.get(slot);
    if (known === undefined || values[i]! <= values[known - 1]!) chosen.set(slot, i + 1);
  }
  return [0, ...[...chosen.values()].sort((a, b) => a - b)];
}

/** The planes that operators from `at` on read and that were made before. */
function liveAfter({ nodes, planes, model }: LocalPart, at: number): Plane[] {
  const made = new Set([model.input, ...nodes.slice(0, at).flatMap(n => n.outputs)]);
  const read = new Set(nodes.slice(at).flatMap(readBy));
  return [...made].filter(name => read.has(name)).map(name => planes.get(name)!);
}

type Changes = ReadonlyMap<string, Cells>;

/** Which cells change, plane by plane, where pixels `at` … `at + side − 1` do; as if the image had no borders. */
function changed(
  { nodes, reads, reaches, model, planes }: LocalPart,
  axis: 0 | 1,
  at: number,
  side: number,
  clip = false,
): Changes {
  const cells = new Map([[model.input, { from: at, to: at + side - 1 }]]);
  reaches.forEach((reach, i) => {
    const node = nodes[i]!;
    const found = reads[i]!.map(name => changedBy(reach[axis], cells.get(name)!)).reduce<Cells | undefined>(
      hull,
      undefined,
    )!;
    const name = node.outputs[0]!;
    cells.set(name, clip ? within(found, planes.get(name)!.size[axis]) : found);
  });
  return cells;
}

/** Which cells of the inputs are read for those that change of the outputs. */
function needed(
  local: LocalPart,
  axis: 0 | 1,
  changes: Changes,
  from: number,
  to: number,
  geometry: Pick<Stage, 'outputs'>,
  clip = false,
) {
  const cells = new Map(geometry.outputs.map(p => [p.name, changes.get(p.name)!]));
  for (let k = to - 1; k >= from; k--) {
    const node = local.nodes[k]!;
    const wanted = cells.get(node.outputs[0]!);
    if (!wanted) continue;
    for (const name of local.reads[k]!) {
      const p = local.planes.get(name)!;
      const found = hull(cells.get(name), neededBy(local.reaches[k]![axis], wanted));
      cells.set(name, clip ? within(found, p.size[axis]) : found);
    }
  }
  return cells;
}

/** Inputs, outputs and the size of the crops of the stage between two places. */
function geometryOf(
  local: LocalPart,
  changes: readonly (readonly Changes[])[],
  from: number,
  to: number,
  before: readonly Plane[],
  after: readonly Plane[],
): Geometry {
  const nodes = local.nodes.slice(from, to);
  const read = new Set(nodes.flatMap(readBy));
  const made = new Set(nodes.flatMap(n => n.outputs));
  const inputs = before.filter(p => read.has(p.name));
  const outputs = after.filter(p => made.has(p.name));
  const all = [...inputs, ...nodes.map(n => local.planes.get(n.outputs[0]!)!)];
  const sides = ([0, 1] as const).map(axis => {
    const step = lcm(all.map(p => p.pixels[axis]));
    let less = Number.POSITIVE_INFINITY;
    // What changes repeats from one step of the crop to the next.
    for (const phase of changes.slice(0, step)) {
      const cells = needed(local, axis, phase[axis]!, from, to, { outputs });
      const start = startOf(inputs, cells, axis, step);
      for (const p of inputs) {
        const length = cells.get(p.name)!.to + 1 - start / p.pixels[axis];
        less = Math.min(less, Math.floor(((p.size[axis] - length) * p.pixels[axis]) / step));
      }
    }
    return { step, less: Math.max(0, less) };
  });
  return {
    inputs,
    outputs,
    step: [sides[0]!.step, sides[1]!.step],
    less: [sides[0]!.less, sides[1]!.less],
  };
}

/** The last multiple of the step before all cells that are read, pixels. */
function startOf(inputs: readonly Plane[], cells: Changes, axis: 0 | 1, step: number): number {
  const first = Math.min(...inputs.map(p => cells.get(p.name)!.from * p.pixels[axis]));
  return Math.floor(first / step) * step;
}

/** Where each stage's crop lies along one axis for a square that begins at pixel `at`. */
function placed(
  local: LocalPart,
  stages: readonly Stage[],
  ends: readonly number[],
  axis: 0 | 1,
  at: number,
  side: number,
): PlacedStage[] {
  const changes = changed(local, axis, at, side, true);
  return stages.map((stage, s) => {
    const cells = needed(local, axis, changes, s === 0 ? 0 : ends[s - 1]!, ends[s]!, stage, true);
    const start = Math.min(startOf(stage.inputs, cells, axis, stage.step[axis]), stage.less[axis] * stage.step[axis]);
    return { start, changed: new Map(stage.outputs.map(p => [p.name, changes.get(p.name)!])) };
  });
}

function subgraph(
  local: LocalPart,
  from: number,
  to: number,
  inputs: readonly Plane[],
  outputs: readonly Plane[],
): Graph {
  const any = (p: Plane): ValueInfo => ({ ...full(p), dims: [null, p.channels, null, null] });
  return part(local, local.nodes.slice(from, to), inputs.map(any), outputs.map(any));
}

function full({ name, channels, size }: Plane): ValueInfo {
  return { name, dtype: 1, dims: [null, channels, ...size] };
}

/** Some operators that follow from the image, and what else they read. */
function part({ model, varying }: LocalPart, nodes: readonly Node[], inputs: ValueInfo[], outputs: ValueInfo[]): Graph {
  const steady = model.graph.nodes.filter(node => !node.outputs.some(name => varying.has(name)));
  const { opset, constants } = model.graph;
  return pruned(
    { opset, nodes: [...steady, ...nodes], constants, inputs, outputs },
    outputs.map(o => o.name),
  );
}

const lengthOf = ({ from, to }: Cells) => to - from + 1;

function lcm(values: readonly number[]): number {
  const gcd = (a: number, b: number): number => (b === 0 ? a : gcd(b, a % b));
  return values.reduce((a, b) => (a * b) / gcd(a, b), 1);
}
