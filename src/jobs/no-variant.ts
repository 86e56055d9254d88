import { type ModelVariant, type Undefined, undefinedBecause } from '../core/contracts/index.ts';
import { CtXaiError } from '../core/errors.ts';
import { oneLine } from './outcomes.ts';

/** That a model has no such variant, as what asked for it says it. @throws whatever else went wrong in opening it */
export function noVariant(error: unknown): Undefined {
  if (error instanceof CtXaiError && error.code === 'MODEL') return undefinedBecause(oneLine(error.message));
  throw error;
}

/** Variants that the program makes itself, and that not every model has; a file that can't be used is a mistake. */
export function mayBeMissing({ kind }: ModelVariant): boolean {
  return kind !== 'original' && kind !== 'file';
}
