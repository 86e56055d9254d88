import { imageBatch } from '../../core/batch.ts';
import type { ExplainContext, ScoreKind } from '../../core/contracts/index.ts';
import type { Tensor } from '../../core/tensor.ts';

type Context = Pick<ExplainContext<readonly ['gradients'], unknown>, 'model' | 'image' | 'target' | 'signal'>;

/** ∂ score / ∂ image, [...spatial, channels]: one forward and one backward pass. */
export async function inputGradient({ model, image, target, signal }: Context, score: ScoreKind): Promise<Tensor> {
  let data: Float32Array | undefined;
  await model.gradients(
    imageBatch(image),
    { class: target.class, score },
    (_, gradient) => {
      data = gradient.slice();
    },
    { signal },
  );
  return { shape: image.shape, data: data! };
}
