import { z } from 'zod';

/** The score of the target class that a method explains, as an option. */
export const scoreOption = (byDefault: 'margin' | 'logit' | 'probability') =>
  z
    .enum(['margin', 'logit', 'probability'])
    .default(byDefault)
    .describe('what of the target class is explained: log-odds, logit or probability');
