import type { FullClassifier } from '../../core/contracts/index.ts';

/** A model that knows which of its calls have not ended. */
export interface WatchedModel {
  readonly model: FullClassifier;
  /**
   * Waits until nothing is in flight. A call of a model ends when its results are on the host, so the device has then
   * done all that was asked of it.
   * @returns how many calls were still in flight
   */
  settle(): Promise<number>;
}

export function watchModel(inner: FullClassifier): WatchedModel {
  const pending = new Set<Promise<unknown>>();
  const track = <T>(call: Promise<T>): Promise<T> => {
    const ended = call.then(
      () => {},
      () => {},
    );
    pending.add(ended);
    void ended.then(() => pending.delete(ended));
    return call;
  };
  const wrap = (m: FullClassifier): FullClassifier => ({
    id: m.id,
    input: m.input,
    classes: m.classes,
    capabilities: m.capabilities,
    runtime: m.runtime,
    ...(m.tracer ? { tracer: m.tracer } : {}),
    ...(m.placements ? { placements: () => m.placements!() } : {}),
    scores: (batch, options) => track(m.scores(batch, options)),
    score: (batch, target, options) => track(m.score(batch, target, options)),
    gradients: (batch, target, consume, options) => track(m.gradients(batch, target, consume, options)),
    layers: () => track(m.layers()),
    layer: (batch, target, layer, options) => track(m.layer(batch, target, layer, options)),
    layerGradients: (batch, target, layers, options) => track(m.layerGradients(batch, target, layers, options)),
    activations: (batch, layers, options) => track(m.activations(batch, layers, options)),
    continueFrom: (layer, batch, options) => track(m.continueFrom(layer, batch, options)),
    biasGradients: (batch, target, consume, options) => track(m.biasGradients(batch, target, consume, options)),
    attention: (image, target, options) => track(m.attention(image, target, options)),
    metered: meter => wrap(m.metered(meter) as FullClassifier),
    close: () => m.close(),
  });
  return {
    model: wrap(inner),
    async settle() {
      // What just ended is taken off a microtask later.
      await Promise.resolve();
      const left = pending.size;
      while (pending.size > 0) await Promise.all(pending);
      return left;
    },
  };
}
