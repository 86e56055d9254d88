import { resolve } from 'node:path';
import type { Argv } from 'yargs';
import type { Overrides } from '../../config/suite.ts';
import { CtXaiError } from '../../core/errors.ts';

/** What `run` and `check` have in common. */
export function suiteOptions(cli: Argv) {
  return cli
    .positional('suite', { type: 'string', demandOption: true, describe: 'The suite file, in YAML or JSON.' })
    .option('limit', {
      type: 'number',
      requiresArg: true,
      describe: 'Uses at most this many images, spread evenly over the labels.',
    })
    .option('seed', { type: 'string', requiresArg: true, describe: 'A seed, instead of the suite’s.' })
    .option('device', { type: 'string', requiresArg: true, describe: 'A device, instead of the suite’s.' })
    .option('data', {
      type: 'string',
      requiresArg: true,
      describe: 'The folder of the images, instead of the suite’s data.path.',
    })
    .check(({ limit }) => {
      if (limit === undefined || (Number.isInteger(limit) && limit > 0)) return true;
      throw new CtXaiError('USAGE', `--limit must be a whole number above 0, not ${limit}.`);
    });
}

interface SuiteArguments {
  readonly limit?: number | undefined;
  readonly seed?: string | undefined;
  readonly device?: string | undefined;
  readonly data?: string | undefined;
  readonly out?: string | undefined;
}

/** What the command line sets instead of the suite. */
export function overridesOf({ limit, seed, device, data, out }: SuiteArguments): Overrides {
  return {
    ...(limit === undefined ? {} : { limit }),
    // 7 and '7' are the same seed in a suite and on the command line.
    ...(seed === undefined ? {} : { seed: /^-?\d+$/.test(seed) ? Number(seed) : seed }),
    ...(device === undefined ? {} : { device }),
    ...(data === undefined ? {} : { data: resolve(data) }),
    ...(out === undefined ? {} : { out: resolve(out) }),
  };
}
