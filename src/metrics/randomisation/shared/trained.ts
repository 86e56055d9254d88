import { z } from 'zod';
import type { FurtherTraining, ModelVariant, VariantMap } from '../../../core/contracts/index.ts';
import { mapDefect, type Tensor } from '../../../core/tensor.ts';

/** Files of weights that were trained elsewhere. */
export const weightsOption = z
  .array(z.string().min(1))
  .max(50)
  .default([])
  .describe(
    'files of other weights of the same architecture; none: what `ct-xai train --further` keeps beside the model',
  );

/** The files named, or further trainings of the model. */
export function weightVariants(files: readonly string[], trainings: readonly FurtherTraining[]): ModelVariant[] {
  return files.length > 0
    ? files.map(file => ({ kind: 'file' as const, file }))
    : trainings.map(training => ({ kind: 'trained' as const, training }));
}

/** Maps under other weights that can be compared, with the class predicted where it is known. */
export function trainedMaps(variants: readonly VariantMap[]): {
  maps: { readonly map: Tensor; readonly predicted?: number }[];
  reason: string;
} {
  const maps: { map: Tensor; predicted?: number }[] = [];
  let reason = '';
  for (const { variant, map, reason: why, predicted } of variants) {
    if (variant.kind !== 'file' && variant.kind !== 'trained') continue;
    const defect = map ? mapDefect(map) : (why ?? 'there is none');
    if (map && defect === null) maps.push({ map, ...(predicted === undefined ? {} : { predicted }) });
    else reason ||= defect ?? '';
  }
  return { maps, reason };
}
