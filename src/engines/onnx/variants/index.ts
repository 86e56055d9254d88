import type { ModelVariant } from '../../../core/contracts/index.ts';
import { CtXaiError } from '../../../core/errors.ts';
import { probeImages, textureImages } from '../../shared/probe-images.ts';
import type { SupportedCard } from '../../shared/supported-card.ts';
import { encodeByReference } from '../graph/by-reference.ts';
import type { Graph } from '../graph/graph.ts';
import type { NormalisedModel } from '../load/load-model.ts';
import type { Headed } from '../load/tail.ts';
import { imageFeed } from '../session/image-feed.ts';
import type { OnnxPool } from '../session/onnx-pool.ts';
import { measuringSettings } from '../session/session-options.ts';
import { blinded } from './blind.ts';
import type { RunImages } from './calibrate.ts';
import { randomised } from './randomise.ts';
import { rewritten } from './rewrite.ts';
import { shifted } from './shift.ts';
import { withConstantsOf } from './transplant.ts';

/** Images that redrawn layers are fitted on. */
const IMAGES = 32;

/** Rounding of another graph of the same function, relative to the largest score. */
const SAME = 1e-4;

export interface VariantParts {
  readonly card: SupportedCard;
  readonly pool: OnnxPool;
  /** Images in input space, [h, w, c] each, on which redrawn layers are fitted. Default: 32 synthetic textures. */
  readonly images?: readonly Float32Array[] | undefined;
  /** Loads another file as the original was loaded. */
  load(file: string): Promise<NormalisedModel>;
}

/**
 * The model with other weights, or as another graph. Its tensors keep the names of the original's, and it ends like it.
 * @throws CtXaiError MODEL where there is no such variant of this model
 */
export async function variantOf(original: Headed, variant: ModelVariant, parts: VariantParts): Promise<Headed> {
  const { model } = original;
  const { card, pool, load } = parts;
  switch (variant.kind) {
    case 'original':
      return original;
    case 'randomised': {
      const images = parts.images ?? textureImages(card, IMAGES);
      const run: RunImages = graph => outputsOf(graph, model, images, parts);
      return { ...original, model: await randomised(model, checked(variant), run) };
    }
    case 'rewritten': {
      const other = rewritten(model, variant.rewrite, card.file);
      const images = probeImages(card);
      const scores = async ({ graph, output }: NormalisedModel) =>
        (await outputsOf(graph, model, images, { card, pool }))[output]!;
      ensureSame(await scores(model), await scores(other), variant.rewrite, card.file);
      return { ...original, model: other };
    }
    case 'shifted': {
      const other = shifted(model, variant.by, card.file);
      const images = probeImages(card);
      const moved = images.map(image => image.map(v => v + variant.by));
      const scores = async ({ graph, output }: NormalisedModel, on: readonly Float32Array[]) =>
        (await outputsOf(graph, model, on, { card, pool }))[output]!;
      ensureSame(await scores(model, images), await scores(other, moved), `shifted by ${variant.by}`, card.file);
      return { ...original, model: other };
    }
    case 'blinded':
      return { ...original, model: blinded(model, variant.half, card.input.layout) };
    case 'trained':
      throw new CtXaiError('MODEL', `${card.file}: an engine opens other weights by their file.`);
    case 'file':
      return { ...original, model: withConstantsOf(model, await load(variant.file), variant.file) };
  }
}

function checked(variant: Extract<ModelVariant, { kind: 'randomised' }>): typeof variant {
  if (variant.depth >= 0 && variant.depth <= 1) return variant;
  throw new CtXaiError('USAGE', `a variant's depth is ${variant.depth}; it is a share from 0 (nothing) to 1 (all).`);
}

function ensureSame(want: Float32Array, got: Float32Array, rewrite: string, file: string): void {
  const scale = Math.max(1e-3, ...want.map(Math.abs));
  const worst = Math.max(...want.map((v, i) => Math.abs(v - got[i]!)));
  if (worst <= SAME * scale) return;
  throw new CtXaiError('MODEL', `${file}: '${rewrite}' changes its scores by ${(worst / scale).toPrecision(2)}.`, {
    hint: 'The graph is sensitive to rounding, so that this rewriting is no other form of the same function.',
  });
}

/** Outputs of a graph on images, all in one batch; where the model's batch is fixed, on as many as that. */
async function outputsOf(
  graph: Graph,
  { input, graph: { inputs }, dynamicBatch }: NormalisedModel,
  images: readonly Float32Array[],
  { card, pool }: Pick<VariantParts, 'card' | 'pool'>,
): Promise<Readonly<Record<string, Float32Array>>> {
  const count = dynamicBatch ? images.length : inputs[0]!.dims[0]!;
  const indices = Array.from({ length: count }, (_, row) => row % images.length);
  const session = 'variant';
  await pool.open(session, encodeByReference(graph), measuringSettings(), 1);
  try {
    return (await pool.run(session, [imageFeed(input, indices, images, card.input)], 1)).outputs;
  } finally {
    await pool.drop(session);
  }
}
