import type { Case } from '../harness.ts';
import { activations } from './activations.ts';
import { arithmetic } from './arithmetic.ts';
import { convolutions } from './convolutions.ts';
import { indexing } from './indexing.ts';
import { normalizations } from './normalizations.ts';
import { pooling } from './pooling.ts';
import { products } from './products.ts';
import { recurrent } from './recurrent.ts';
import { reductions } from './reductions.ts';
import { resampling } from './resampling.ts';
import { sampling } from './sampling.ts';
import { shapes } from './shapes.ts';

/** Small graphs for every rule, by family. */
export const CASES: Readonly<Record<string, readonly Case[]>> = {
  activations,
  arithmetic,
  convolutions,
  indexing,
  normalizations,
  pooling,
  products,
  recurrent,
  reductions,
  resampling,
  sampling,
  shapes,
};
