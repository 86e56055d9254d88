import type { Baseline } from '../../core/contracts/index.ts';
import { constantHu } from './shared/constant-hu.ts';

/** 40 HU everywhere, as muscle. In a lung it looks like a consolidation. Raw space. */
export const softTissue: Baseline = {
  name: 'soft-tissue',
  title: 'Soft tissue',
  summary: '40 HU everywhere, as muscle; within a lung it looks like a consolidation. For Hounsfield units only.',
  space: 'raw',
  family: 'constant',
  make: (image, { card }) => constantHu(image, card, 40),
};
