import type { Unit } from '../../core/contracts/index.ts';
import type { DraftCard } from './draft-card.ts';

type Intensity = DraftCard['intensity'];

/**
 * How images may have been prepared in training, the convention first. No file says which of them it was.
 */
export function intensitiesFor(unit: Unit, channels: 1 | 3): readonly Intensity[] {
  if (unit === 'HU') {
    const windows = [[-1350, 150] as const, [-1150, 350] as const, [-1000, 400] as const, [-160, 240] as const];
    const grey = windows.map(([low, high]): Intensity => ({ unit: 'HU', window: [low, high] }));
    const coloured = grey.slice(0, 2).map((i): Intensity => ({ ...i, normalise: 'imagenet' }));
    return channels === 3 ? [...coloured, ...grey] : grey;
  }
  const plain: Intensity = { unit: 'grey' };
  const others: Intensity[] = [
    { unit: 'grey', mean: 0.5, std: 0.5 },
    { unit: 'grey', steps: [{ multiply: 255 }] },
    { unit: 'grey', normalise: 'min-max' },
    { unit: 'grey', normalise: 'z-score' },
  ];
  return channels === 3 ? [{ unit: 'grey', normalise: 'imagenet' }, plain, ...others] : [plain, ...others];
}

/** An intensity as it stands in a card, in one line. */
export function inYaml(intensity: Intensity): string {
  const text = (value: unknown): string => {
    if (Array.isArray(value)) return `[${value.map(text).join(', ')}]`;
    if (typeof value !== 'object' || value === null) return String(value);
    return `{ ${Object.entries(value)
      .map(([key, v]) => `${key}: ${text(v)}`)
      .join(', ')} }`;
  };
  return text(intensity);
}
