import { imageBatch } from '../../../../src/core/batch.ts';
import type { BackwardRules, FullClassifier, Target } from '../../../../src/core/contracts/index.ts';
import { type Tensor, tensor } from '../../../../src/core/tensor.ts';
import { onnxEngine } from '../../../../src/engines/onnx/index.ts';
import { referenceCard } from '../../../golden/explainers/index.ts';

/** A reference model on one thread. */
export const openReference = (name: string): Promise<FullClassifier> =>
  onnxEngine.open(referenceCard(name), { device: 'cpu', workers: 1, threads: 1, microBatch: 2 });

export interface Back {
  readonly values: Tensor;
  readonly score: number;
  readonly sums: Readonly<Record<string, number>>;
}

/** One backward pass for each image. */
export async function backward(
  model: FullClassifier,
  images: readonly Tensor[],
  target: Target,
  rules: BackwardRules,
  references: readonly Tensor[] = [],
): Promise<Back[]> {
  const found: Back[] = [];
  await model.gradients(
    imageBatch(...images),
    target,
    (_, gradient, score, sums = {}) => {
      found.push({ values: tensor(images[0]!.shape, gradient.slice()), score, sums });
    },
    { rules, ...(references.length > 0 ? { reference: imageBatch(...references) } : {}) },
  );
  return found;
}
