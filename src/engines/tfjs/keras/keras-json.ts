/** Classes that hold layers of their own. */
export const MODELS: ReadonlySet<string> = new Set(['Sequential', 'Functional', 'Model', 'Network']);

/** A layer's output: the layer, which of its uses, which of that one's outputs. */
export type KerasReference = readonly [layer: string, use: number, output: number];

/** All references in a nest of lists: Keras 2's ['layer', 0, 0, {}] and Keras 3's { keras_history: ['layer', 0, 0] }. */
export function references(value: unknown): KerasReference[] {
  if (Array.isArray(value)) {
    const [layer, use, output] = value;
    const is = typeof layer === 'string' && typeof use === 'number' && typeof output === 'number';
    return is ? [[layer, use, output]] : value.flatMap(references);
  }
  if (typeof value !== 'object' || value === null) return [];
  const { keras_history: history, ...rest } = value as Record<string, unknown>;
  return history === undefined ? Object.values(rest).flatMap(references) : references(history);
}
