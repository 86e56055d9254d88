import { sizeOf } from '../../core/tensor.ts';
import { changedImages } from '../shared/changed-images.ts';
import { PLACES, pixelGrid, possibleGrids } from '../shared/pixel-grid.ts';
import { probeImages } from '../shared/probe-images.ts';
import type { SupportedCard } from '../shared/supported-card.ts';
import type { Shapes } from './network/tfjs-layers.ts';
import type { TfjsExecutor } from './tfjs-executor.ts';

/** Values of layers that are fetched at once. */
const MOST_VALUES = 2 ** 24;

/**
 * Why values of the shape [rows, columns, channels] do not lie over the image's pixels, by layer; those that are not
 * named do. The image is changed in four places, and it is seen which cells change.
 */
export async function withoutPixels(
  runner: TfjsExecutor,
  shapes: Shapes,
  card: SupportedCard,
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  const images = [...changedImages(card), probeImages(card)[0]!];
  const batch = { count: images.length, write: (i: number, out: Float32Array) => out.set(images[i]!) };
  const names = Object.keys(shapes).filter(
    name => shapes[name]!.length === 3 && shapes[name]![0]! * shapes[name]![1]! > 1,
  );
  for (const layers of parts(names, name => images.length * sizeOf(shapes[name]!))) {
    const values: Float32Array[][] = layers.map(() => []);
    await runner.activations(
      batch,
      layers,
      (i, all) => {
        for (const [k, own] of all.entries()) values[k]![i] = own.slice();
      },
      signal,
    );
    for (const [k, name] of layers.entries()) {
      const reason = whyNot(shapes[name]!, values[k]!, card.input.size);
      if (reason !== undefined) found.set(name, reason);
    }
  }
  return found;
}

/** Names side by side as long as what they take is little. */
function parts(names: readonly string[], size: (name: string) => number): string[][] {
  const found: string[][] = [];
  let left = 0;
  for (const name of names) {
    if (left < size(name)) {
      found.push([]);
      left = MOST_VALUES;
    }
    found.at(-1)!.push(name);
    left -= size(name);
  }
  return found;
}

function whyNot(
  shape: readonly number[],
  values: readonly Float32Array[],
  size: readonly [number, number],
): string | undefined {
  const [height, width, channels] = shape as readonly [number, number, number];
  const grids = possibleGrids(shape, size).filter(grid => grid.layout === 'NHWC');
  const unchanged = values[PLACES.length]!;
  const changes = PLACES.map((_, place) => {
    const cells = new Float32Array(height * width);
    for (const [at, v] of values[place]!.entries()) cells[Math.floor(at / channels)]! += Math.abs(v - unchanged[at]!);
    return cells;
  });
  const grid = pixelGrid(
    grids,
    grids.map(() => changes),
  );
  return typeof grid === 'string' ? grid : undefined;
}
