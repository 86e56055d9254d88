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
  const track = (call: Promise<unknown>): Promise<unknown> => {
    const ended = call.then(
      () => {},
      () => {},
    );
    pending.add(ended);
    void ended.then(() => pending.delete(ended));
    return call;
  };
  // Whatever abilities a model has: every call that gives a promise is watched.
  const wrap = (model: FullClassifier): FullClassifier =>
    new Proxy(model, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property, target);
        if (typeof value !== 'function') return value;
        return (...given: unknown[]) => {
          const result: unknown = Reflect.apply(value, target, given);
          if (property === 'metered') return wrap(result as FullClassifier);
          return result instanceof Promise && property !== 'close' ? track(result) : result;
        };
      },
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
