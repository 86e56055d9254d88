import type { AttentionBlock, AttentionOnImage, Batch, Target } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { tensor } from '../../../core/tensor.ts';
import type { Head } from '../../shared/scores.ts';
import type { AttentionStructure } from '../graph/attention-blocks.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import type { OnnxExecutor } from './onnx-executor.ts';
import { activationsProgram, gradientProgram } from './programs.ts';

/** How far a row of shares may be from a sum of 1. */
const SUM = 1e-3;

/** How much more the token of a changed patch must change than any other, for the others' place to be sure. */
const CLEARLY = 1.5;

/** Reads the attention of a model's blocks. What its graph says of tokens is measured before the first reading. */
export class AttentionReader {
  readonly #executor: OnnxExecutor;
  readonly #model: NormalisedModel;
  readonly #head: Head;
  readonly #structure: AttentionStructure;
  #measured: Promise<void> | undefined;

  constructor(executor: OnnxExecutor, model: NormalisedModel, head: Head, structure: AttentionStructure) {
    this.#executor = executor;
    this.#model = model;
    this.#head = head;
    this.#structure = structure;
  }

  /**
   * @param target whose score's gradients are wanted besides; undefined: none are
   * @throws CtXaiError LAYER where rows do not sum to 1, or tokens do not lie on the image as the graph has it
   */
  async read(image: Batch, target: Target | undefined, signal: AbortSignal | undefined): Promise<AttentionOnImage> {
    this.#measured ??= this.#measure();
    await this.#measured;
    const [blocks] = await this.#blocks(image, target, signal);
    const { grid, extraTokens } = this.#structure;
    return { blocks: blocks!, grid, extraTokens };
  }

  /** The blocks of each image. */
  async #blocks(
    images: Batch,
    target: Target | undefined,
    signal: AbortSignal | undefined,
  ): Promise<AttentionBlock[][]> {
    const { tensors, tokens } = this.#structure;
    const found: AttentionBlock[][] = [];
    const matrices = (data: Float32Array) => tensor([data.length / tokens ** 2, tokens, tokens], data);
    const make = () =>
      target ? gradientProgram(this.#model, this.#head, tensors) : activationsProgram(this.#model, tensors);
    const graph = target ? 'attention with gradients' : 'attention';
    await this.#executor.eachAlone('attention', make, graph, { batch: images, target, signal }, (_, row, program) => {
      const { gradients } = program;
      found.push(
        tensors.map((name, k) => ({
          name,
          weights: matrices(row(name)),
          ...(gradients ? { gradients: matrices(row(gradients[k]!)) } : {}),
        })),
      );
    });
    return found;
  }

  /** A plain image, and the same with one patch changed: that patch's token must be the one that changes. */
  async #measure(): Promise<void> {
    const { height, width, channels } = this.#executor.image;
    const { grid, extraTokens } = this.#structure;
    const [rows, columns] = grid;
    const patches = [
      [0, 0],
      [0, columns - 1],
      [rows - 1, Math.floor(columns / 2)],
    ] as const;
    const write = (i: number, out: Float32Array) => {
      const patch = patches[i - 1];
      for (let p = 0; p < height * width; p++) {
        const [y, x] = [Math.floor(p / width), p % width];
        const changed =
          patch && Math.floor((y * rows) / height) === patch[0] && Math.floor((x * columns) / width) === patch[1];
        for (let k = 0; k < channels; k++) {
          const at = p * channels + k;
          out[at] = Math.sin(0.7 * y + 1.3 * x + k) + (changed ? 1 + Math.cos(2.1 * y + 0.4 * x + k) : 0);
        }
      }
    };
    const [plain, ...changed] = await this.#blocks({ count: patches.length + 1, write }, undefined, undefined);
    for (const block of plain!) requireShares(block);
    for (const [k, blocks] of changed.entries()) {
      const [row, column] = patches[k]!;
      const want = extraTokens + row * columns + column;
      const got = changedToken(plain![0]!, blocks[0]!);
      if (got === want) continue;
      throw new CtXaiError(
        'LAYER',
        `changing the patch at row ${row}, column ${column} of ${rows} × ${columns} changes ` +
          `${got === undefined ? 'no single token' : `token ${got}`} of the first attention block, not token ${want}: ` +
          'its tokens do not lie on the image row by row behind the class token.',
        { hint: 'Explainers by gradients and perturbation still work.' },
      );
    }
  }
}

function requireShares({ name, weights: { shape, data } }: AttentionBlock): void {
  const tokens = shape[2]!;
  for (let from = 0; from < data.length; from += tokens) {
    const sum = data.subarray(from, from + tokens).reduce((a, b) => a + b, 0);
    if (Math.abs(sum - 1) <= SUM) continue;
    throw new CtXaiError('LAYER', `a row of the attention '${name}' sums to ${sum.toPrecision(4)}, not to 1.`, {
      hint: 'Explainers by gradients and perturbation still work.',
    });
  }
}

/**
 * The token whose query differs between two images. A row's log-shares move by one constant where only another token's
 * key has changed, but for that key; they move each by its own where the row's query has.
 */
function changedToken(a: AttentionBlock, b: AttentionBlock): number | undefined {
  const [heads = 0, tokens = 0] = a.weights.shape;
  const spread = new Float64Array(tokens);
  for (let h = 0; h < heads; h++) {
    for (let i = 0; i < tokens; i++) {
      const from = (h * tokens + i) * tokens;
      const log = (block: AttentionBlock, j: number) => Math.log(Math.max(block.weights.data[from + j]!, 1e-30));
      const moved = Float64Array.from({ length: tokens }, (_, j) => log(b, j) - log(a, j));
      const middle = median(moved);
      spread[i]! += median(moved.map(v => Math.abs(v - middle)));
    }
  }
  const [first, second] = [...spread.keys()].sort((i, j) => spread[j]! - spread[i]!);
  return first !== undefined && spread[first]! > CLEARLY * (second === undefined ? 0 : spread[second]!)
    ? first
    : undefined;
}

function median(values: Float64Array): number {
  const sorted = values.slice().sort();
  return sorted[Math.floor(sorted.length / 2)]!;
}
