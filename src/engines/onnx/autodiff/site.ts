import { CtXaiError } from '../../../core/errors.ts';
import { type Constant, type DTypeCode, type Node, numbersOf, type TensorInfo } from '../graph/graph.ts';
import type { Dims, Emitter } from './emit.ts';

/** What a site reads of the model and may ask of the driver. */
export interface SiteContext {
  readonly infos: ReadonlyMap<string, TensorInfo>;
  readonly values: ReadonlyMap<string, Constant>;
  /** The node that makes a tensor. */
  producer(name: string): Node | undefined;
  /** The same tensor of the reference image; the tensor itself where it doesn't depend on the image. */
  reference(name: string): string;
  /** Makes a tensor known, and its values where it is constant. */
  describe(name: string, info: TensorInfo, value?: Constant): void;
  /** Whether a node's gradient may be infinite. */
  exposed(node: Node): boolean;
  /** Whether gradients pass quantisation as if it were not there. */
  readonly straightThrough: boolean;
  /** Makes sure that the forward node emits its optional output `index`; returns its name. */
  extend(node: Node, index: number): string;
}

/** One operator call that is being differentiated: what a rule sees. */
export class Site {
  readonly node: Node;
  readonly e: Emitter;
  /** d score / d output, per output; undefined where the score doesn't depend on it. */
  readonly gradients: readonly (string | undefined)[];
  readonly #context: SiteContext;

  constructor(node: Node, e: Emitter, gradients: readonly (string | undefined)[], context: SiteContext) {
    this.node = node;
    this.e = e;
    this.gradients = gradients;
    this.#context = context;
  }

  /** d score / d first output. */
  get g(): string {
    return this.gradients[0] ?? this.fail('the score depends on a secondary output only');
  }

  /** The name of input `i`; '' where it was left out. */
  readonly x = (i = 0): string => this.node.inputs[i] ?? '';

  /** The name of output `i`; '' where it was left out. */
  readonly y = (i = 0): string => this.node.outputs[i] ?? '';

  has(i: number): boolean {
    return this.x(i) !== '';
  }

  /** The name of an output that the node may have left out. */
  output(i: number): string {
    return this.#context.extend(this.node, i);
  }

  info(name: string): TensorInfo {
    return this.#context.infos.get(name) ?? this.fail(`nothing is known of the shape of '${name}'`);
  }

  dims(name: string): Dims {
    return this.info(name).dims;
  }

  dtype(name: string): DTypeCode {
    return this.info(name).dtype;
  }

  rank(name: string): number {
    return this.dims(name).length;
  }

  /** Dimension `i` of `name`, which must not be dynamic. */
  size(name: string, i: number): number {
    return this.dims(name).at(i) ?? this.fail(`dimension ${i} of '${name}' is dynamic`);
  }

  /** The dims from `start` on, which must not be dynamic. */
  sizes(name: string, start = 0): number[] {
    return this.dims(name)
      .slice(start)
      .map((d, i) => d ?? this.fail(`dimension ${start + i} of '${name}' is dynamic`));
  }

  /** The same tensor of the reference image; the tensor itself where it doesn't depend on the image. */
  reference(name: string): string {
    return this.#context.reference(name);
  }

  /** The same call with other gradients of its outputs, or with other tensors of the same shapes as inputs. */
  at(changed: {
    readonly gradients?: readonly (string | undefined)[];
    readonly inputs?: readonly (readonly [input: number, name: string])[];
  }): Site {
    const inputs = [...this.node.inputs];
    for (const [i, name] of changed.inputs ?? []) {
      this.#context.describe(name, this.info(this.x(i)));
      inputs[i] = name;
    }
    return new Site({ ...this.node, inputs }, this.e, changed.gradients ?? this.gradients, this.#context);
  }

  /** Adds a constant that rules know the values of. */
  constant(value: Constant): string {
    const name = this.e.builder.constant(value);
    this.#context.describe(name, value, value);
    return name;
  }

  /** Whether a tensor differs between the image and the reference image. */
  varies(name: string): boolean {
    return this.#context.reference(name) !== name;
  }

  /** Whether gradients pass quantisation as if it were not there. */
  get straightThrough(): boolean {
    return this.#context.straightThrough;
  }

  /**
   * `g` where a mask of 0 and 1 is 1, else 0. It multiplies, which is fast; where `g` may be infinite it selects, since
   * 0 · ∞ is no number.
   */
  masked(mask: string, g = this.g): string {
    if (!this.#context.exposed(this.node)) return this.e.mul(g, mask);
    return this.e.where(this.e.greater(mask, 0), g, 0);
  }

  /** The node that makes a tensor; undefined for inputs and constants. */
  producer(name: string): Node | undefined {
    return this.#context.producer(name);
  }

  /** The tensor if it is constant. */
  value(i: number): Constant | undefined {
    return this.valueOf(this.x(i));
  }

  /** The values of any tensor that is constant. */
  valueOf(name: string): Constant | undefined {
    return this.#context.values.get(name);
  }

  /** A constant input as numbers; undefined where it was left out. */
  numbers(i: number): number[] | undefined {
    if (!this.has(i)) return undefined;
    const value = this.value(i);
    return value ? numbersOf(value) : this.fail(`its input ${i} ('${this.x(i)}') must be constant`);
  }

  /** `axis` counted from the front, for a tensor of `rank`. */
  axis(axis: number, rank = this.rank(this.x())): number {
    return axis < 0 ? axis + rank : axis;
  }

  /** `g` summed down to the dims of input `i`: undoes broadcasting. */
  reduce(g: string, i: number, from: Dims = this.dims(this.y())): string {
    return this.e.reduceTo(g, from, this.dims(this.x(i)));
  }

  /** `x`, of dims `from`, reshaped to the dims of the tensor `name`. */
  reshapeLike(x: string, name: string, from: Dims = this.dims(this.y())): string {
    const dims = this.dims(name);
    if (dims.filter(d => d === null).length > 1) return this.e.op('Reshape', [x, this.e.shapeOf(name)]);
    return this.e.reshape(x, dims, from);
  }

  /** `x`, of dims `from`, broadcast to the shape of the tensor `name`. */
  expandLike(x: string, name: string, from: Dims): string {
    const dims = this.dims(name);
    const known = dims.every((d, i) => d !== null || from[from.length - dims.length + i] === null);
    return known ? this.e.expand(x, dims) : this.e.op('Expand', [x, this.e.shapeOf(name)]);
  }

  /** Zeros in the shape of the tensor `name`. */
  zeros(name: string): string {
    const dims = this.dims(name);
    return this.e.filled(dims.includes(null) ? this.e.shapeOf(name) : this.e.ints(dims as number[]), 0);
  }

  /** @throws CtXaiError OPERATOR naming this node. */
  fail(reason: string, hint = 'Explainers that need scores only still work.'): never {
    const { op, name } = this.node;
    throw new CtXaiError('OPERATOR', `operator ${op} at node '${name}' can't be differentiated: ${reason}.`, { hint });
  }
}
