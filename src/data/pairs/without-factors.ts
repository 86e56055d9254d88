import type { Source } from '../../core/contracts/index.ts';
import { CtXaiError } from '../../core/errors.ts';
import { tensor } from '../../core/tensor.ts';

/** The image without a factor, or without several: `a+b`. */
export interface Counterfactual {
  readonly factor: string;
  readonly source: Source;
}

/**
 * Which of the known images together lack these factors and no other: the ones that lack most come first.
 * @param known factors of each known image, joined by '+'; every single one is among them.
 */
export function coverOf(names: readonly string[], known: Iterable<string>): string[] {
  const open = new Set(names);
  const chosen: string[] = [];
  const most = [...known].map(key => ({ key, parts: key.split('+') })).sort((a, b) => b.parts.length - a.parts.length);
  for (const { key, parts } of most) {
    if (!parts.every(part => open.has(part))) continue;
    for (const part of parts) open.delete(part);
    chosen.push(key);
  }
  return chosen;
}

/**
 * The image without several factors, from images without some of them each: every pixel is taken from the one that
 * changes it. That is exact where no pixel is changed by two.
 * @param where the image, for messages
 * @throws CtXaiError DATA where two factors change one pixel, or a counterfactual has another grid or unit.
 */
export function withoutSeveral(whole: Source, without: readonly Counterfactual[], where: string): Source {
  const data = whole.pixels.data.slice();
  const changedBy = new Map<number, string>();
  for (const { factor, source } of without) {
    requireSameGrid(whole, source, where, factor);
    const other = source.pixels.data;
    for (let p = 0; p < data.length; p++) {
      if (other[p] === whole.pixels.data[p]) continue;
      const before = changedBy.get(p);
      if (before !== undefined) {
        throw new CtXaiError('DATA', `${where}: the factors '${before}' and '${factor}' change the same pixels.`, {
          hint: `Add a row with the factor '${before}+${factor}' and the image without both.`,
        });
      }
      changedBy.set(p, factor);
      data[p] = other[p]!;
    }
  }
  return { ...whole, pixels: tensor(whole.pixels.shape, data) };
}

/** @throws CtXaiError DATA saying how the two differ. */
function requireSameGrid(whole: Source, other: Source, where: string, factor: string): void {
  const [a, b] = [whole.pixels.shape.join(' × '), other.pixels.shape.join(' × ')];
  if (a !== b) throw new CtXaiError('DATA', `${where}: without '${factor}' it has ${b} pixels instead of ${a}.`);
  if (whole.unit !== other.unit) {
    throw new CtXaiError(
      'DATA',
      `${where}: without '${factor}' its values are ${other.unit} instead of ${whole.unit}.`,
    );
  }
}
