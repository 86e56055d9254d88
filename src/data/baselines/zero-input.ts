import type { Baseline } from '../../core/contracts/index.ts';
import { tensor } from '../../core/tensor.ts';

/** 0 in input space, as tools assume that know nothing of intensities; what it looks like depends on the card. */
export const zeroInput: Baseline = {
  name: 'zero-input',
  title: 'Zero in input space',
  summary: '0 in what the network eats, as Captum and others take by default.',
  space: 'input',
  family: 'constant',
  make: image => tensor(image.shape),
};
