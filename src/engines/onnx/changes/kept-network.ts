import type { ImageShape } from '../../shared/network-runner.ts';
import type { Feed } from '../session/onnx-messages.ts';
import { type Box, changedBox, sideOf } from './changed-box.ts';
import type { PlacedStage, Plane, Stage } from './cuts.ts';
import { KeptPlane, type Patch, type PlaneValues } from './kept.ts';

/** A cut network as a worker needs it: plain data. */
export interface KeptNetworkPlan {
  /** Side of the largest changed square, pixels. */
  readonly side: number;
  readonly stages: readonly (Omit<Stage, 'graph'> & { readonly session: string })[];
  readonly rest: { readonly session: string; readonly inputs: readonly Plane[] };
  readonly output: string;
  readonly image: ImageShape;
  /** By axis and by the pixel where the changed square begins. */
  readonly places: readonly [readonly Place[], readonly Place[]];
}

/** Where each stage's crop lies, along one axis. */
type Place = readonly PlacedStage[];

/** Scores of some images. */
export interface ChangedScores {
  /** One image after the other. */
  readonly raw: Float32Array;
}

/** Runs a session in this thread. */
type Run = (session: string, feeds: readonly Feed[]) => Promise<Readonly<Record<string, Float32Array>>>;

/** An image and its raw scores. */
interface Computed {
  readonly image: Float32Array;
  readonly raw: Float32Array;
}

/** A stage's crop: rows and columns of the changed square's first pixel; undefined: the whole image. */
type Places = readonly [Place, Place] | undefined;

/** A cut network with the values of its planes for the image that was computed last. */
export class KeptNetwork {
  readonly #plan: KeptNetworkPlan;
  readonly #run: Run;
  readonly #buffers = new Map<string, Float32Array>();
  /** The image that changes are compared with, its scores, and its planes, which later parts read. */
  #base: Computed | undefined;
  #kept: ReadonlyMap<string, KeptPlane> = new Map();

  constructor(plan: KeptNetworkPlan, run: Run) {
    this.#plan = plan;
    this.#run = run;
  }

  /** Raw scores of images that lie one after the other. */
  async scores(base: Float32Array, images: Float32Array): Promise<ChangedScores> {
    const { width, channels } = this.#plan.image;
    if (!this.#base || changedBox(base, this.#base.image, width, channels)) this.#base = await this.#keep(base);
    for (const plane of this.#kept.values()) plane.restore();
    const rows: Float32Array[] = [];
    let last = this.#base;
    for (let at = 0; at < images.length; at += base.length) {
      const image = images.subarray(at, at + base.length);
      last = { image, raw: await this.#rawOf(image, this.#base, last) };
      rows.push(last.raw);
    }
    const raw = new Float32Array(rows.length * rows[0]!.length);
    for (const [i, row] of rows.entries()) raw.set(row, i * row.length);
    return { raw };
  }

  /** Takes another image for the base. */
  async #keep(image: Float32Array): Promise<Computed> {
    const { stages, rest } = this.#plan;
    this.#base = undefined;
    const read = [...stages.slice(1).flatMap(stage => stage.inputs), ...rest.inputs];
    this.#kept = new Map(read.map(plane => [plane.name, new KeptPlane(plane)]));
    await this.#stages(image, undefined);
    for (const plane of this.#kept.values()) plane.keep();
    return { image, raw: await this.#rest() };
  }

  /** Scores of an image from what was kept of the base or of the image before, whichever differs little; else as a whole. */
  async #rawOf(image: Float32Array, base: Computed, last: Computed): Promise<Float32Array> {
    const { side, image: shape } = this.#plan;
    const changed = (from: Computed) => changedBox(image, from.image, shape.width, shape.channels);
    const [box, step] = [changed(base), last === base ? undefined : changed(last)];
    // Equal images have equal scores, to the last bit.
    if (last !== base && !step) return last.raw;
    const near = !box || sideOf(box) <= side;
    if (near) for (const plane of this.#kept.values()) plane.restore();
    if (!box) return base.raw;
    const change = near ? box : step && sideOf(step) <= side ? step : undefined;
    await this.#stages(image, change && this.#placesOf(change));
    return this.#rest();
  }

  /** Of the square of the largest size that lies in the image and holds the box. */
  #placesOf(box: Box): Places {
    const { places, side, image } = this.#plan;
    const at = (axis: 0 | 1, from: number, length: number) => places[axis][Math.min(from, length - side)]!;
    return [at(0, box.top, image.height), at(1, box.left, image.width)];
  }

  /** Brings the planes from one image to another. */
  async #stages(image: Float32Array, places: Places): Promise<void> {
    for (const [s, stage] of this.#plan.stages.entries()) {
      const feeds = stage.inputs.map((plane): Feed => {
        const crop = this.#cropOf(places, plane, s);
        const data = this.#buffer(`${s} ${plane.name} ${crop.rows} ${crop.columns}`, plane, crop);
        if (s === 0) cropImage(image, this.#plan.image, { ...crop, data, at: 0 });
        else this.#kept.get(plane.name)!.read({ ...crop, data, at: 0 });
        return { name: plane.name, dims: [1, plane.channels, crop.rows, crop.columns], data };
      });
      const outputs = await this.#run(stage.session, feeds);
      for (const plane of stage.outputs) {
        const from = { ...this.#cropOf(places, plane, s), data: outputs[plane.name]!, at: 0 };
        this.#kept.get(plane.name)?.write(from, patchOf(places, plane, s));
      }
    }
  }

  async #rest(): Promise<Float32Array> {
    const { rest, output } = this.#plan;
    const feeds = rest.inputs.map(({ name, channels, size }): Feed => {
      return { name, dims: [1, channels, ...size], data: this.#kept.get(name)!.data };
    });
    return (await this.#run(rest.session, feeds))[output]!;
  }

  /** The part of a plane that a stage's crop has. */
  #cropOf(places: Places, { size, pixels }: Plane, s: number): Omit<PlaneValues, 'data' | 'at'> {
    if (!places) return { rows: size[0], columns: size[1], corner: [0, 0] };
    const { step, less } = this.#plan.stages[s]!;
    const length = (axis: 0 | 1) => size[axis] - (less[axis] * step[axis]) / pixels[axis];
    const start = (axis: 0 | 1) => places[axis][s]!.start / pixels[axis];
    return { rows: length(0), columns: length(1), corner: [start(0), start(1)] };
  }

  /** A buffer that is filled anew for each image. */
  #buffer(key: string, { channels }: Plane, { rows, columns }: Pick<PlaneValues, 'rows' | 'columns'>): Float32Array {
    const known = this.#buffers.get(key) ?? new Float32Array(channels * rows * columns);
    this.#buffers.set(key, known);
    return known;
  }
}

/** Copies a part of an image, [rows, columns, channels], with its channels first. */
function cropImage(from: Float32Array, { width, channels }: ImageShape, into: PlaneValues): void {
  const { data, at, rows, columns, corner: start } = into;
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < rows; y++) {
      let a = ((start[0] + y) * width + start[1]) * channels + c;
      const row = at + (c * rows + y) * columns;
      for (let x = 0; x < columns; x++, a += channels) data[row + x] = from[a]!;
    }
  }
}

/** The cells of a plane that are new. */
function patchOf(places: Places, { name, size }: Plane, s: number): Patch {
  const whole = (length: number) => ({ from: 0, to: length - 1 });
  if (!places) return [whole(size[0]), whole(size[1])];
  return [places[0][s]!.changed.get(name)!, places[1][s]!.changed.get(name)!];
}
