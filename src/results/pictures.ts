import { writeNpy } from '../core/npy.ts';
import type { Tensor } from '../core/tensor.ts';
import { partFileName, sampleFileName } from './names.ts';
import type { SampleRow, ScoreRow } from './rows.ts';
import type { RowArrays } from './run-store.ts';

/** Keeps a file and resolves with its path in the run folder. */
export type Put = (file: string, bytes: Uint8Array) => Promise<string>;

/** What one step of a stored slice stands for: 1 HU, or a hundredth of a grey level. */
export function sliceStep(unit: 'HU' | 'grey'): number {
  return unit === 'HU' ? 1 : 0.01;
}

/** A sample's row with the paths of its view, slice and mask, which are written first. */
export async function withPictures(row: SampleRow, { view, slice, mask }: RowArrays, put: Put): Promise<SampleRow> {
  const path = `views/${partFileName(row.model)}/${sampleFileName(row.sample)}`;
  const bytes = (t: Tensor, of: (v: number) => number) =>
    writeNpy({ shape: t.shape, data: Uint8Array.from(t.data, of) });
  const files: { view?: string; slice?: string; mask?: string } = {};
  if (view) {
    files.view = await put(
      `${path}.npy`,
      bytes(view, v => Math.round(255 * clamp(v))),
    );
  }
  if (slice && row.intensity) {
    const step = sliceStep(row.intensity.unit);
    const data = Int16Array.from(slice.data, v => Math.max(-32768, Math.min(32767, Math.round(v / step))));
    files.slice = await put(`${path}.slice.npy`, writeNpy({ shape: slice.shape, data }));
  }
  if (mask) {
    files.mask = await put(
      `${path}.mask.npy`,
      bytes(mask, v => (v > 0 ? 1 : 0)),
    );
  }
  return { ...row, ...files };
}

/** A score's row with the path of its film, which is written first. */
export async function withFilm(
  row: ScoreRow,
  film: NonNullable<ScoreRow['film']>,
  { shape, data }: Tensor,
  put: Put,
): Promise<ScoreRow> {
  const plane = data.length / shape[0]!;
  const bytes = Uint8Array.from(data, (v, i) => (i < plane ? v : Math.round(255 * clamp(v))));
  const names = [row.model, row.method].map(partFileName).join('/');
  const file = `films/${names}/${sampleFileName(row.sample)}/${partFileName(row.metric)}.npy`;
  return { ...row, film: { ...film, file: await put(file, writeNpy({ shape, data: bytes })) } };
}

function clamp(v: number): number {
  return v >= 0 ? Math.min(v, 1) : 0;
}
