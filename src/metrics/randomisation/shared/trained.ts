import { z } from 'zod';
import type { ModelVariant, VariantMap } from '../../../core/contracts/index.ts';
import { mapDefect, type Tensor } from '../../../core/tensor.ts';

/** Files of weights that were trained elsewhere. */
export const weightsOption = z
  .array(z.string().min(1))
  .max(50)
  .default([])
  .describe('files of other weights of the same architecture; none: the metric has no value');

export function fileVariants(files: readonly string[]): ModelVariant[] {
  return files.map(file => ({ kind: 'file' as const, file }));
}

/** Maps under other weights that can be compared, with the class predicted where it is known. */
export function trainedMaps(variants: readonly VariantMap[]): {
  maps: { readonly map: Tensor; readonly predicted?: number }[];
  reason: string;
} {
  const maps: { map: Tensor; predicted?: number }[] = [];
  let reason = '';
  for (const { variant, map, reason: why, predicted } of variants) {
    if (variant.kind !== 'file') continue;
    const defect = map ? mapDefect(map) : (why ?? 'there is none');
    if (map && defect === null) maps.push({ map, ...(predicted === undefined ? {} : { predicted }) });
    else reason ||= defect ?? '';
  }
  return { maps, reason };
}
