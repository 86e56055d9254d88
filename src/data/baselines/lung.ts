import type { Baseline } from '../../core/contracts/index.ts';
import { constantHu } from './shared/constant-hu.ts';

/** −850 HU everywhere, as aerated lung at inspiration (DEFINITIONS: medians of −845 to −890 HU). Raw space. */
export const lung: Baseline = {
  name: 'lung',
  title: 'Aerated lung',
  summary: '−850 HU everywhere, as healthy lung at inspiration; for models of Hounsfield units only.',
  space: 'raw',
  family: 'constant',
  make: (image, { card }) => constantHu(image, card, -850),
};
