import type { ModelCard } from '../../core/contracts/index.ts';
import { PLACES } from './pixel-grid.ts';
import { probeImages } from './probe-images.ts';

/** A side of the changed region, as a share of the image's. */
const REGION = 0.2;

/** The first probe image with another texture in one place, for each place. Each list of places has a texture of its own. */
export function changedImages(card: Pick<ModelCard, 'input' | 'intensity'>, places = PLACES): Float32Array[] {
  const [image, dark, bright] = probeImages(card) as [Float32Array, Float32Array, Float32Array];
  const other = places === PLACES ? bright : dark;
  const { size, channels } = card.input;
  const [height, width] = size as [number, number];
  return places.map(({ row, column }) => {
    const changed = image.slice();
    const rows = range(row, height);
    const columns = range(column, width);
    for (let y = rows[0]; y < rows[1]; y++) {
      for (let i = (y * width + columns[0]) * channels; i < (y * width + columns[1]) * channels; i++) {
        changed[i] = other[i]!;
      }
    }
    return changed;
  });
}

function range(centre: number, length: number): [number, number] {
  const half = Math.max(0.5, (REGION * length) / 2);
  return [Math.max(0, Math.round(centre * length - half)), Math.min(length, Math.round(centre * length + half))];
}
