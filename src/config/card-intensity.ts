import type { IntensityStep, ModelCard } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import type { CardFile } from './card-schema.ts';

/** What torchvision's and timm's pretrained networks subtract and divide by, for red, green and blue in 0…1. */
const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/**
 * The card's intensity steps: as written in `steps`, or from `mean` and `std` or `normalise`.
 * @param place Says where a key of the card's intensity stands.
 * @throws CtXaiError CARD where keys exclude each other, or have another number of values than the input has channels.
 */
export function intensitySteps(
  card: Pick<CardFile, 'input' | 'intensity'>,
  place: (key: string, ...rest: PropertyKey[]) => string,
): readonly IntensityStep[] {
  const { mean, std, normalise, steps } = card.intensity;
  const short = (['mean', 'std', 'normalise'] as const).filter(key => card.intensity[key] !== undefined);
  const fail = (key: string, message: string, hint: string) =>
    new CtXaiError('CARD', `${place(key)}: ${message}`, { hint });
  if (steps && short.length > 0) {
    throw fail('steps', `intensity has both 'steps' and '${short[0]}'.`, "Write all in 'steps', or leave them out.");
  }
  if (normalise && short.length > 1) {
    throw fail('normalise', `intensity has both 'normalise' and '${short[0]}'.`, 'Write one of them.');
  }
  if ((mean === undefined) !== (std === undefined)) {
    const other = mean === undefined ? 'mean' : 'std';
    throw fail(
      short[0]!,
      `intensity has '${short[0]}' without '${other}'.`,
      `Add ${other}: ${other === 'std' ? 1 : 0}, or its value.`,
    );
  }
  const { channels } = card.input;
  if (normalise === 'imagenet' && channels !== 3) {
    throw fail(
      'normalise',
      `'imagenet' is for 3 channels; this input has ${channels}.`,
      "Write 'mean' and 'std' instead.",
    );
  }
  const pair =
    normalise === 'imagenet' ? IMAGENET : mean !== undefined && std !== undefined ? { mean, std } : undefined;
  const written: readonly IntensityStep[] =
    steps ??
    (pair
      ? [{ subtract: pair.mean }, { divide: pair.std }]
      : normalise && normalise !== 'imagenet'
        ? [{ normalise }]
        : []);
  for (const [i, step] of written.entries()) {
    const [key, value] = Object.entries(step)[0]!;
    if (Array.isArray(value) && value.length !== channels) {
      const at = steps ? place('steps', i) : place(i === 0 ? 'mean' : 'std');
      const name = steps ? key : i === 0 ? 'mean' : 'std';
      throw new CtXaiError('CARD', `${at}: ${name} has ${value.length} values for ${channels} channel(s).`);
    }
  }
  return written;
}

/**
 * The card's window, or one for each channel.
 * @throws CtXaiError CARD where there is none for HU, where one does not ascend, and for windows of other inputs than
 *   three channels of HU.
 */
export function intensityWindows(
  { input, intensity: { unit, window, windows } }: Pick<CardFile, 'input' | 'intensity'>,
  place: (...rest: PropertyKey[]) => string,
): Pick<ModelCard['intensity'], 'window' | 'windows'> {
  const fail = (at: string, message: string, hint?: string) =>
    new CtXaiError('CARD', `${at}: ${message}`, hint === undefined ? {} : { hint });
  if (windows) {
    if (window) throw fail(place('windows'), "intensity has both 'window' and 'windows'.", 'Write one of them.');
    if (unit !== 'HU' || input.channels !== windows.length) {
      throw fail(place('windows'), `${windows.length} windows are for HU and as many channels; see input.channels.`);
    }
  }
  const all = windows ?? [window ?? (unit === 'grey' ? [0, 255] : undefined)];
  for (const [i, each] of all.entries()) {
    if (!each)
      throw fail(place(), "'window' is missing; HU need one.", 'For lungs, for example: window: [-1350, 150].');
    if (!(each[0] < each[1])) {
      throw fail(windows ? place('windows', i) : place('window'), `window [${each.join(', ')}] must ascend.`);
    }
  }
  return { window: all[0]!, ...(windows ? { windows } : {}) };
}
